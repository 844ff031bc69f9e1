/** The process of one client in one measurement: it makes the calls, and takes its own CPU time. */
import { isDeepStrictEqual } from 'node:util';
import { KINDS } from '../kinds/index.mjs';
import { answer, settings } from './ipc.mjs';
import { PAYLOADS } from './payloads.mjs';
import { startProfile } from './profile.mjs';
import { quantile } from './stats.mjs';
import { drive } from './workload.mjs';

/** Calls in flight while warming up: many, so that all that is compiled has been before it is measured. */
const WARM_UP_IN_FLIGHT = 64;

const { kind, ports, payload: payloadName, inFlight, calls, warmUpCalls } = settings();
const payload = PAYLOADS[payloadName];
const client = await KINDS[kind].load();
const call = client.call.bind(client);

/** Connects, sees that an answer is right, and lets V8 compile. */
async function start() {
  await client.start(ports);
  const response = await new Promise((resolve, reject) => {
    call(payload, (error, value) => (error ? reject(error) : resolve(value)));
  });
  if (!isDeepStrictEqual(response, payload)) {
    throw new Error(`${kind}: expected what was sent, got ${JSON.stringify(response)?.slice(0, 200)}`);
  }
  await drive(call, payload, { inFlight: WARM_UP_IN_FLIGHT, calls: warmUpCalls });
  await drive(call, payload, { inFlight, calls: Math.max(inFlight, Math.ceil(calls / 10)) });
  globalThis.gc();
}

/** @returns microseconds of CPU a call, milliseconds of latency, calls a second */
async function measure() {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const latencies = await drive(call, payload, { inFlight, calls });
  const elapsed = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  return {
    cpu: (user + system) / calls,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    rate: (calls * 1_000) / elapsed,
  };
}

answer({
  start,
  measure,
  /** Only makes the calls: the profile is what is looked at. */
  async profile() {
    const stop = await startProfile();
    await drive(call, payload, { inFlight, calls });
    return stop();
  },
  stop: () => client.stop(),
});
