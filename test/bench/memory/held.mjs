import { freePorts } from '../../../scripts/lib/free-port.mjs';
import { Child } from '../lib/child.mjs';
import { count } from '../../../scripts/lib/terminal.mjs';
import { median } from '../lib/stats.mjs';

const CLIENT = new URL('holding-process.mjs', import.meta.url);
const SERVER = new URL('../lib/server-process.mjs', import.meta.url);
const CLIENTS = ['ours', 'ClientTCP'];

/**
 * Bytes that a call in flight holds, and an idle connection, of ours and of `ClientTCP`: medians of rounds in fresh processes.
 *
 * @param {{ calls: number, connections: number, rounds: number }} plan 0 for what is not wanted
 * @returns {Promise<import('../lib/table.mjs').Table>}
 */
export async function measureHeld({ calls, connections, rounds }) {
  const [port] = await freePorts(1);
  // Every address of the loopback.
  const server = new Child(SERVER, { server: 'stock', port, host: '0.0.0.0' });
  const measured = { held: {}, left: {}, connection: {} };
  for (const client of CLIENTS) for (const what of Object.values(measured)) what[client] = [];
  try {
    await server.call('start');
    for (let round = 0; round < rounds; round++) {
      for (const client of CLIENTS) {
        if (calls > 0) {
          const { held, left } = await inProcess(client, (child) => child.call('calls', port, calls));
          measured.held[client].push(held);
          measured.left[client].push(left);
        }
        if (connections > 0) {
          const { held } = await inProcess(client, (child) => child.call('connections', port, connections));
          measured.connection[client].push(held);
        }
      }
    }
  } finally {
    await server.stop();
  }
  return {
    title: `Bytes held (heap and external, without code), medians of ${rounds} rounds`,
    columns: ['what', ...CLIENTS, 'ours against it'],
    rows: [
      row(`a call in flight (of ${count(calls)})`, measured.held, true),
      row('what is left of it after unsubscribing', measured.left, false),
      row(`an idle connection (of ${count(connections)})`, measured.connection, true),
    ].filter((each) => each !== undefined),
  };
}

async function inProcess(client, use) {
  const child = new Child(CLIENT, { client }, ['--expose-gc']);
  try {
    return await use(child);
  } finally {
    await child.stop();
  }
}

function row(what, byClient, compared) {
  const medians = CLIENTS.map((client) => median(byClient[client]));
  if (medians.some(Number.isNaN)) return undefined;
  return [
    what,
    ...medians.map((bytes) => count(Math.round(bytes))),
    compared ? `${(medians[0] / medians[1]).toFixed(2)}×` : '',
  ];
}
