/**
 * Measures what many nodes cost, of the library as it is published: the memory of those that nobody has called, and the
 * CPU of a new membership. Run with `--expose-gc`.
 */
import { config, finish, load, tell } from './nest.mjs';

const { Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { BehaviorSubject } = load('rxjs');
const { getBalancedClientToken, LoadBalancerModule } = load('nestjs-load-balancer');

/** An app with one service, whose nodes are those of the subject. */
async function start(members) {
  const orders = { target: 'list:///', connection: { eager: 0 } };
  const resolvers = [{ schemes: ['list'], watch: () => members }];
  class ConsumerModule {}
  Module({ imports: [LoadBalancerModule.forRoot({ services: { orders }, resolvers })] })(ConsumerModule);
  const app = await NestFactory.createApplicationContext(ConsumerModule, { logger: false });
  return { app, client: app.get(getBalancedClientToken('orders')) };
}

/** Different addresses of the loopback net, on the port "discard", where nobody listens. */
function endpoint(index) {
  return { host: `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`, port: 9 };
}

function heapUsed() {
  for (let i = 0; i < 4; i++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** Milliseconds of CPU, of all threads of this process. */
function cpuTime(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const { count, updates, changed } = config;
const endpoints = Array.from({ length: count }, (_, index) => endpoint(index));

// Whatever is loaded and compiled once is not a node's.
const warmUp = await start(new BehaviorSubject(endpoints.slice(0, 10)));
const before = heapUsed();
const members = new BehaviorSubject(endpoints);
const { app, client } = await start(members);
const bytesPerNode = (heapUsed() - before) / count;
const statuses = [...new Set(client.nodes().map(({ status }) => status))];

const updateTimes = Array.from({ length: updates }, (_, round) => {
  const fresh = Array.from({ length: changed }, (__, i) => endpoint(count + round * changed + i));
  const next = [...members.value.slice(changed), ...fresh];
  return cpuTime(() => {
    members.next(next);
    // Which nodes are eligible is worked out when a call, or this, asks for one.
    void client.connect();
  });
});

tell('measured', { bytesPerNode, statuses, updateTimes });
await app.close();
await warmUp.app.close();
finish();
