import type { ClientProxy } from '@nestjs/microservices';
import type { Told } from './calls.js';
import { record } from './calls.js';
import type { Message } from './child.js';
import { Child } from './child.js';
import { freePort } from './ports.js';
import { balancedClient, closeAll, plainClient } from './side-by-side.js';

/** Who may speak Nest's protocol to whom. */
export const CLIENTS = ['ours', 'stock 12', 'stock 11'] as const;
export const SERVERS = ['ours', 'stock 12 with our socket', 'stock 12', 'stock 11'] as const;
export type ClientKind = (typeof CLIENTS)[number];
export type ServerKind = (typeof SERVERS)[number];

/** One call as plain data, since not every client is in this process. */
export interface WireCall {
  readonly kind: 'send' | 'emit';
  readonly pattern: unknown;
  readonly data: unknown;
}

export const send = (pattern: unknown, data: unknown): WireCall => ({ kind: 'send', pattern, data });
export const emit = (pattern: unknown, data: unknown): WireCall => ({ kind: 'emit', pattern, data });

/** Makes all calls at once; resolves with what came of each, in their order. */
export type Caller = (...calls: readonly WireCall[]) => Promise<Told[]>;

/** A server of each kind, all with the same handlers, and clients of each kind to call them with. */
export class Wire {
  private constructor(
    private readonly ports: Readonly<Record<ServerKind, number>>,
    private readonly nest11Client: Child,
    private readonly processes: readonly Child[],
  ) {}

  /** Two processes for the servers, one for each version of Nest, and one for the clients of Nest 11. */
  static async start(): Promise<Wire> {
    const ports = {
      ours: await freePort(),
      'stock 12 with our socket': await freePort(),
      'stock 12': await freePort(),
      'stock 11': await freePort(),
    };
    const servers12 = [
      { kind: 'balanced', port: ports.ours },
      { kind: 'stock with our socket', port: ports['stock 12 with our socket'] },
      { kind: 'stock', port: ports['stock 12'] },
    ];
    const servers11 = [{ kind: 'stock', port: ports['stock 11'] }];
    const nest11Client = new Child('wire-client.mjs', { nest: 11 });
    const processes = [
      new Child('wire-servers.mjs', { nest: 12, servers: servers12 }),
      new Child('wire-servers.mjs', { nest: 11, servers: servers11 }),
      nest11Client,
    ];
    await Promise.all(processes.map((child) => child.message('listening')));
    return new Wire(ports, nest11Client, processes);
  }

  port(server: ServerKind): number {
    return this.ports[server];
  }

  /** A new client of what listens on this port. */
  async caller(client: ClientKind, port: number): Promise<Caller> {
    switch (client) {
      case 'ours':
        return callerOf(await balancedClient(port));
      case 'stock 12':
        return callerOf(plainClient(port));
      case 'stock 11':
        return async (...calls) => {
          this.nest11Client.tell('call', { port, calls });
          return (await this.nest11Client.message<OutcomesMessage>('outcomes')).outcomes;
        };
    }
  }

  async stop(): Promise<void> {
    await closeAll();
    await Promise.all(this.processes.map((child) => child.kill()));
  }
}

interface OutcomesMessage extends Message {
  readonly outcomes: Told[];
}

function callerOf(client: ClientProxy): Caller {
  return (...calls) =>
    Promise.all(calls.map(({ kind, pattern, data }) => record(client[kind](pattern, data))));
}
