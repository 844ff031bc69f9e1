import { KINDS } from '../kinds/index.mjs';
import { Child } from './child.mjs';

const SCRIPT = new URL('client-process.mjs', import.meta.url);

/** Enough for a CPU time that is stable, and for a second or so of measuring. */
const CALLS = { alone: 4_000, together: 40_000 };
/** A call with 4 KB takes some four times as long. */
const LARGE_SHARE = 0.3;
/** For V8 to have compiled what it will. */
const WARM_UP_CALLS = 20_000;
/** Enough samples for functions that take little. */
const PROFILE_EFFORT = 3;

/** Under what load a client is measured. @typedef {{ payload: 'small' | '4kb', inFlight: number }} Cell */

/**
 * One measurement: a fresh process for the client, which has warmed up before it counts.
 *
 * @param {import('./fleet.mjs').Fleet} fleet
 * @param {string} kind
 * @param {Cell} cell
 * @param {number} effort share of the calls to make
 * @returns CPU of the client and of the servers in microseconds a call, latencies in milliseconds, calls a second
 */
export async function measure(fleet, kind, cell, effort) {
  const { server } = KINDS[kind];
  return withClient(fleet, kind, cell, effort, async (client, calls) => {
    const before = await fleet.cpu(server);
    const { cpu, ...rest } = await client.call('measure');
    const serverCpu = ((await fleet.cpu(server)) - before) / calls;
    return { clientCpu: cpu, serverCpu, ...rest };
  });
}

/**
 * The CPU profile of the same calls: of the client's process, or of one of the four servers.
 *
 * @returns {Promise<{ calls: number, profile: import('./profile.mjs').Profile }>} `calls` that were made, or that one server answered
 */
export async function profile(fleet, kind, cell, ofServer) {
  return withClient(fleet, kind, cell, PROFILE_EFFORT, async (client, calls) =>
    ofServer
      ? { calls: calls / 4, profile: await fleet.profile(KINDS[kind].server, () => client.call('measure')) }
      : { calls, profile: await client.call('profile') },
  );
}

async function withClient(fleet, kind, { payload, inFlight }, effort, use) {
  const { server, share = 1 } = KINDS[kind];
  const portion = share * (payload === 'small' ? 1 : LARGE_SHARE);
  const calls = Math.round(effort * (inFlight === 1 ? CALLS.alone : CALLS.together * portion));
  const warmUpCalls = Math.round(WARM_UP_CALLS * portion);
  const client = new Child(
    SCRIPT,
    { kind, ports: fleet.ports(server), payload, inFlight, calls, warmUpCalls },
    ['--expose-gc'],
  );
  try {
    await client.call('start');
    const result = await use(client, calls);
    await client.call('stop');
    return result;
  } finally {
    await client.stop();
  }
}
