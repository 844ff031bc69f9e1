import { Injectable } from '@nestjs/common';
import { InvalidOptionsError } from '../errors.js';
import type { ServiceSnapshot } from '../cluster/snapshot.js';

/** What the registry needs of a client; `BalancedClientProxy` is one. */
export interface RegisteredClient {
  readonly service: string;
  snapshot(): ServiceSnapshot;
}

/** Every balanced client of the application, by the name of its service. Health reads from here; it does no I/O. */
@Injectable()
export class LoadBalancerRegistry {
  private readonly clients = new Map<string, RegisteredClient>();

  /** @throws InvalidOptionsError when another module has declared a service of this name */
  add(client: RegisteredClient): void {
    const { service } = client;
    if (this.clients.has(service)) {
      throw new InvalidOptionsError([
        { path: `services.${service}`, message: 'is declared twice, in two modules' },
      ]);
    }
    this.clients.set(service, client);
  }

  get(service: string): RegisteredClient | undefined {
    return this.clients.get(service);
  }

  names(): string[] {
    return [...this.clients.keys()];
  }

  /** The state of every service now. */
  snapshots(): ServiceSnapshot[] {
    return [...this.clients.values()].map((client) => client.snapshot());
  }
}
