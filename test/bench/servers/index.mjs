/** The servers by name. Each is loaded in a process of its own: `start(port, host)` resolves once it listens; those that
 * are not Nest's only do so on the loopback. */
export const SERVERS = {
  stock: () => import('./stock.mjs'),
  balanced: () => import('./balanced.mjs'),
  grpc: () => import('./grpc.mjs'),
  moleculer: () => import('./moleculer.mjs'),
};
