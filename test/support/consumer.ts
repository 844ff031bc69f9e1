import type { INestApplicationContext } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type {
  BalancedClientProxy,
  LoadBalancerModuleOptions,
  NodeSnapshot,
  ServiceOptions,
} from 'nestjs-load-balancer';
import { getBalancedClientToken, LoadBalancerModule } from 'nestjs-load-balancer';

/** Milliseconds to wait for a state; far more than any of them takes. */
const PATIENCE = 15_000;

/** The name of the service that tests call. */
export const SERVICE = 'orders';

/** Nest apps that consume a service, closed with their test. */
export class Consumers {
  private readonly apps: INestApplicationContext[] = [];

  /** An app of its own with one service, and its client. */
  async open(
    service: ServiceOptions,
    options: Omit<LoadBalancerModuleOptions, 'services'> = {},
  ): Promise<BalancedClientProxy> {
    return (await this.openApp(service, options)).client;
  }

  async openApp(
    service: ServiceOptions,
    options: Omit<LoadBalancerModuleOptions, 'services'> = {},
  ): Promise<{ app: INestApplicationContext; client: BalancedClientProxy }> {
    @Module({ imports: [LoadBalancerModule.forRoot({ ...options, services: { [SERVICE]: service } })] })
    class ConsumerModule {}

    const app = await NestFactory.createApplicationContext(ConsumerModule, {
      logger: false,
      abortOnError: false,
    });
    this.apps.push(app);
    return { app, client: app.get<BalancedClientProxy>(getBalancedClientToken(SERVICE)) };
  }

  /** For `afterEach`, before the providers end. */
  async close(): Promise<void> {
    await Promise.all(this.apps.splice(0).map((app) => app.close()));
  }
}

/** Resolves once the nodes of a client are as `holds` says; looks after each event of the client. */
export function nodesBecome(
  client: BalancedClientProxy,
  what: string,
  holds: (nodes: readonly NodeSnapshot[]) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      subscription.unsubscribe();
      reject(
        new Error(
          `${what}: not within ${PATIENCE} ms; the nodes are ${JSON.stringify(client.nodes(), undefined, 2)}`,
        ),
      );
    }, PATIENCE);
    const look = (): void => {
      if (!holds(client.nodes())) return;
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve();
    };
    const subscription = client.events.subscribe(look);
    look();
  });
}

/** Resolves once this many nodes are ready. */
export function ready(client: BalancedClientProxy, count: number): Promise<void> {
  return nodesBecome(
    client,
    `${count} ready nodes`,
    (nodes) => nodes.filter(({ status }) => status === 'ready').length === count,
  );
}

/** Resolves once the node has this status. */
export function nodeBecomes(
  client: BalancedClientProxy,
  key: string,
  status: NodeSnapshot['status'],
): Promise<void> {
  return nodesBecome(
    client,
    `${key} ${status}`,
    (nodes) => nodes.find((node) => node.key === key)?.status === status,
  );
}
