import { NestFactory } from '@nestjs/core';
import { ClientTCP } from '@nestjs/microservices';
import { getBalancedClientToken, LoadBalancerModule } from 'nestjs-load-balancer';

/** Milliseconds: longer than anything is held here, so that deadlines are armed and do not pass. */
const TIMEOUT = 600_000;

/**
 * Opens a connection to each address, by one client of ours or by a `ClientTCP` each.
 *
 * @type {Record<string, (addresses: readonly { host: string, port: number }[]) => Promise<{ send: (pattern: unknown, data: unknown) =>
 *   import('rxjs').Observable<unknown>, close: () => unknown }>>}
 */
export const CLIENTS = { ours: openBalanced, ClientTCP: openStock };

/** Our client over all the addresses, with every node ready. `options` are those of the service. */
export async function openBalanced(addresses, options = {}) {
  const target = addresses.map(({ host, port }) => ({ host, port }));
  const module = LoadBalancerModule.forRoot({
    services: { bench: { target, timeout: TIMEOUT, connection: { eager: target.length }, ...options } },
  });
  const app = await NestFactory.createApplicationContext(module, { logger: ['error'] });
  const client = app.get(getBalancedClientToken('bench'));
  await allReady(client);
  return { client, send: (...args) => client.send(...args), close: () => app.close() };
}

/** Resolves once every node of a balanced client is ready. */
export async function allReady(client, patience = 10_000) {
  await client.connect();
  const deadline = performance.now() + patience;
  for (;;) {
    const missing = client.nodes().filter(({ status }) => status !== 'ready');
    if (missing.length === 0) return;
    if (performance.now() > deadline) {
      const [{ key, status, reason }] = missing;
      throw new Error(
        `${missing.length} nodes are not ready after ${patience} ms: ${key} is ${status} (${reason})`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function openStock(addresses) {
  const clients = addresses.map((address) => new ClientTCP(address));
  await Promise.all(clients.map((client) => client.connect()));
  return {
    send: (pattern, data) => clients[0].send(pattern, data),
    close: () => clients.forEach((client) => client.close()),
  };
}
