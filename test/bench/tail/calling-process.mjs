/** The process of the consumer: one client for each strategy, of which one at a time makes calls. */
import { NestFactory } from '@nestjs/core';
import { getBalancedClientToken, LoadBalancerModule } from 'nestjs-load-balancer';
import { answer, settings } from '../lib/ipc.mjs';
import { observe } from '../lib/observe.mjs';
import { quantile } from '../lib/stats.mjs';

/** Milliseconds in which a client learns what the nodes are like, before it counts. */
const LEARNING = 1_000;

const { services, ports, slow } = settings();
const target = `static:///${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
/** Strategies alone: nobody is ejected, and a node that answers late is not taken for one that is ill. */
const common = { target, outlierDetection: false, healthCheck: { timeout: 4_000 }, timeout: 30_000 };
let app;

answer({
  async start() {
    const all = Object.entries(services).map(([name, options]) => [name, { ...common, ...options }]);
    const module = LoadBalancerModule.forRoot({ services: Object.fromEntries(all) });
    app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
    for (const name of Object.keys(services)) {
      const client = clientOf(name);
      await client.connect();
      while (client.nodes().some(({ status }) => status !== 'ready')) await sleep(5);
    }
  },
  measure,
  stop: () => app.close(),
});

/**
 * `callers` of them make one call after the other for `duration` milliseconds, with a pause of `pause` on average between.
 *
 * @returns latencies in milliseconds, calls a second, and the share of the slow node; of all calls that were begun
 */
async function measure(name, { callers, pause, duration }) {
  const client = clientOf(name);
  const begin = performance.now() + LEARNING;
  const end = begin + duration;
  const latencies = [];
  let ofSlow = 0;
  const caller = async () => {
    await sleep(exponential(pause));
    for (;;) {
      const start = performance.now();
      if (start >= end) return;
      const port = await call(client);
      if (start >= begin) {
        latencies.push(performance.now() - start);
        if (port === slow) ofSlow++;
      }
      if (pause > 0) await sleep(exponential(pause));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return {
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    p999: quantile(latencies, 0.999),
    rate: (latencies.length * 1_000) / duration,
    slowShare: ofSlow / latencies.length,
  };
}

/** Those that hedge may do so only with calls that may be processed twice. */
function call(client) {
  return new Promise((resolve, reject) => {
    observe(client.send({ cmd: 'work' }, {}, { idempotent: true }), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

function clientOf(name) {
  return app.get(getBalancedClientToken(name));
}

function exponential(mean) {
  return -Math.log(1 - Math.random()) * mean;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
