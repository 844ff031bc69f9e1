import { DEFAULT_STRATEGY, STRATEGY_NAMES } from '../../../libs/load-balancer/dist/strategies/registry.js';

export { DEFAULT_STRATEGY };

/**
 * The kinds of clients by name, in the order of the tables. `server` is the kind of server that the client talks to (four of them), `share`
 * that of the calls it makes, where all of them would take too long. `load()` gives a client:
 *
 * - `start(ports)` resolves once it is connected to all servers
 * - `call(payload, done)` sends it to one of them; `done(error, response)` comes later, once
 * - `stop()`
 *
 * @type {Record<string, { title: string, server: string, variant?: boolean, share?: number, load: () => Promise<object> }>}
 */
export const KINDS = {
  'stock-one': kind('`ClientTCP`, one node', 'stock', () => import('./stock-one.mjs')),
  'stock-array': kind('array of four `ClientTCP`, `i++`', 'stock', () => import('./stock-array.mjs')),
  grpc: { ...kind('grpc-js, `round_robin`', 'grpc', () => import('./grpc.mjs')), share: 0.2 },
  moleculer: kind('moleculer, TCP', 'moleculer', () => import('./moleculer.mjs')),
  raw: kind('raw sockets, coalesced writes', 'stock', () => import('./raw-socket.mjs')),
  ...ours('stock'),
  ...ours('balanced'),
};

/** What all others are compared with: what users write today. */
export const BASELINE = 'stock-array';

function kind(title, server, load) {
  return { title, server, load: async () => (await load()).createClient() };
}

/** Ours with defaults, then with each strategy, with and without a context, then without what costs time. */
function ours(server) {
  const variants = [
    ...STRATEGY_NAMES.flatMap((strategy) => [
      variant([strategy], { strategy }),
      variant([strategy, 'context'], { strategy }, true),
    ]),
    variant(['no-timeout'], { timeout: 0 }),
    { ...variant(['json-socket']), jsonSocket: true },
  ];
  const kinds = {};
  for (const { differences, ...how } of variants) {
    kinds[[`ours-${server}`, ...differences].join('+')] = {
      title:
        ['ours', ...differences].join(', ') +
        (server === 'stock' ? ', stock servers' : ', `BalancedTcpServer`'),
      server,
      variant: differences.length > 0,
      load: async () => (await import('./ours.mjs')).createClient(how),
    };
  }
  return kinds;
}

function variant(words, options = {}, context = false) {
  return { differences: words.filter((word) => word !== DEFAULT_STRATEGY), options, context };
}
