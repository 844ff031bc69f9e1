import { expect } from '@jest/globals';
import type { INestMicroservice, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type {
  ClientProxy,
  ClientTCP,
  MicroserviceOptions,
  TcpClientOptions,
  TcpOptions,
} from '@nestjs/microservices';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import type { BalancedClientProxy, ServiceOptions } from 'nestjs-load-balancer';
import { Consumers } from './consumer.js';
import { freePort } from './ports.js';
import { TestModule } from './test-controller.js';

const consumers = new Consumers();
const servers: INestMicroservice[] = [];
const plainClients: ClientProxy[] = [];

/** A stock server on a free port, unless one is given. */
export async function serve(options: Partial<TcpOptions['options']> = {}): Promise<number> {
  const port = options.port ?? (await freePort());
  const server = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', ...options, port } as NonNullable<TcpOptions['options']>,
    logger: false,
  });
  await server.listen();
  servers.push(server);
  return port;
}

/** Nest's own client. */
export function plainClient(port: number, options: Partial<TcpClientOptions['options']> = {}): ClientProxy {
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port, ...options },
  });
  plainClients.push(client);
  return client;
}

/** A subclass of Nest's own client. */
export function plainClientOf(customClass: Type<ClientTCP>, port: number): ClientProxy {
  const client = ClientProxyFactory.create({
    // Nest's own type of this option refuses every subclass of ClientTCP.
    customClass: customClass as unknown as Type<ClientProxy>,
    options: { host: '127.0.0.1', port },
  });
  plainClients.push(client);
  return client;
}

/** Ours, of a service with this one node. */
export function balancedClient(
  port: number,
  options: Partial<ServiceOptions> = {},
): Promise<BalancedClientProxy> {
  return consumers.open({ target: `static:///127.0.0.1:${port}`, ...options });
}

/** Ends the server that was started last. */
export async function stopServer(): Promise<void> {
  await servers.pop()?.close();
}

/** Closes the clients, then the servers. For `afterEach` or `afterAll`. */
export async function closeAll(): Promise<void> {
  await consumers.close();
  for (const client of plainClients.splice(0)) await client.close();
  for (const server of servers.splice(0)) await server.close();
}

/** What both clients make of the same act: the balanced one exactly what the plain one does. */
export async function both<T>(
  clients: readonly [ClientProxy, ClientProxy],
  act: (client: ClientProxy) => Promise<T>,
): Promise<T> {
  const [plain, balanced] = [await act(clients[0]), await act(clients[1])];
  expect(balanced).toStrictEqual(plain);
  return balanced;
}
