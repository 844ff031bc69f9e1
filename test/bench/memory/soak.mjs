import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../../scripts/lib/free-port.mjs';
import { count, dim, duration } from '../../../scripts/lib/terminal.mjs';
import { Child } from '../lib/child.mjs';
import { number } from '../lib/format.mjs';
import { regression } from '../lib/stats.mjs';

const CLIENT = new URL('soaking-process.mjs', import.meta.url);
const SERVER = new URL('../lib/server-process.mjs', import.meta.url);
/** Two stock nodes and two of ours. */
const SERVERS = ['stock', 'balanced', 'stock', 'balanced'];
/** Enough samples for a line through them, each after enough traffic to show something. */
const SLICES = { samples: 40, shortest: 500, longest: 10_000 };
/** Share of the samples at the beginning that do not count: V8 still compiles, and what is made once is made. */
const SETTLING_IN = 0.25;
/**
 * Bytes that the heap may have grown by over the soak: what V8's own book-keeping comes and goes by between two samples. A hundred bytes
 * left behind by one call in a hundred are as much in half a minute.
 */
const TOLERANCE = 256 * 1024;

/**
 * Mixed traffic (values, streams, errors, timeouts, cancelled calls, events) while nodes are killed and come back: does the heap grow?
 *
 * @param {number} seconds
 * @returns {Promise<{ grows: boolean, lines: string[] }>} the verdict, and what to show of it
 */
export async function soak(seconds) {
  const ports = await freePorts(SERVERS.length);
  const nodes = await Promise.all(ports.map((_, i) => startNode(ports, i)));
  const client = new Child(CLIENT, { ports }, ['--expose-gc']);
  try {
    await client.call('start');
    return judge(await takeSamples(client, nodes, ports, seconds));
  } finally {
    await client.stop();
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

async function takeSamples(client, nodes, ports, seconds) {
  const { samples: wanted, shortest, longest } = SLICES;
  const length = Math.min(longest, Math.max(shortest, (seconds * 1_000) / wanted));
  const samples = [];
  const begin = performance.now();
  for (let turn = 0; performance.now() - begin < seconds * 1_000; turn++) {
    const [sample] = await Promise.all([
      client.call('slice', length),
      restart(nodes, ports, turn % nodes.length, length / 3),
    ]);
    samples.push({ ...sample, at: (performance.now() - begin) / 1_000 });
    const { bytes, calls, at } = samples.at(-1);
    console.log(
      dim(
        ` ${duration(at * 1_000).padStart(12)}  ${count(calls)} calls  ${count(Math.round(bytes / 1_024))} KB held`,
      ),
    );
  }
  return samples;
}

/** A node crashes in the middle of the traffic, and comes back. */
async function restart(nodes, ports, i, after) {
  await sleep(after);
  await nodes[i].kill();
  nodes[i] = await startNode(ports, i);
}

async function startNode(ports, i) {
  const node = new Child(SERVER, { server: SERVERS[i], port: ports[i] });
  await node.call('start');
  return node;
}

function judge(samples) {
  const counted = samples.slice(Math.floor(samples.length * SETTLING_IN));
  if (counted.length < 3) throw new Error('too short: fewer than three samples count');
  const [first, last] = [counted[0], counted.at(-1)];
  const { slope, error } = regression(counted.map(({ at, bytes }) => ({ x: at, y: bytes })));
  const span = last.at - first.at;
  // Two standard errors: what is left is growth with a certainty of 97.5 %.
  const certain = (slope - 2 * error) * span;
  const grows = certain > TOLERANCE;
  const callsASecond = (last.calls - first.calls) / span;
  return {
    grows,
    lines: [
      ...[...last.outcomes]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([outcome, times]) => `${outcome.padEnd(40)} ${count(times)}`),
      '',
      `${count(last.calls)} calls, ${count(Math.round(callsASecond))} a second; ${counted.length} of ${samples.length} samples count, over ${number(span)} s`,
      `slope ${number(slope)} ± ${number(2 * error)} bytes a second, which is ${number(slope / callsASecond)} bytes a call`,
      `certain growth: ${number(Math.max(0, certain) / 1_024)} KB (${TOLERANCE / 1_024} KB are tolerated)`,
      grows ? 'The heap grows.' : 'The heap does not grow.',
    ],
  };
}
