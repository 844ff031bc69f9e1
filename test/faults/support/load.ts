import type { CallOptions, NodeSnapshot, ServiceOptions } from 'nestjs-load-balancer';
import type { Message } from '../../support/child.js';
import { Child } from '../../support/child.js';
import type { CallRecord } from './records.js';

type NodeStatus = NodeSnapshot['status'];

/** How calls are made. */
export interface LoadShape {
  /** So many are always in flight … */
  readonly inFlight?: number;
  /** … or so many are made a second, whatever becomes of them. */
  readonly rate?: number;
  /** What each is made with, at random. */
  readonly kinds?: readonly CallOptions[];
}

/** What became of all calls between a start and a stop. */
export interface LoadResult extends Message {
  readonly calls: readonly CallRecord[];
  /** Every attempt to connect. */
  readonly connects: readonly { readonly at: number; readonly port: number }[];
  /** The longest time, in milliseconds, that the process did not come to run for: what calls cannot be blamed for. */
  readonly lag: number;
}

/** Half of the calls may be processed twice without harm. */
export const HALF_IDEMPOTENT: readonly CallOptions[] = [{}, { idempotent: true }];

/** A consumer in a process of its own, that makes calls and keeps account of them. */
export class Load {
  private readonly process: Child;

  private constructor(name: string, service: ServiceOptions, launcher: readonly string[]) {
    this.process = new Child(
      '../faults/processes/load.mjs',
      { nest: 12, name, service },
      ['--expose-gc'],
      launcher,
    );
  }

  /** One whose nodes are all ready. */
  static async on(
    addresses: readonly string[],
    service: ServiceOptions,
    { name = 'call', launcher = [] as readonly string[] } = {},
  ): Promise<Load> {
    const load = new Load(name, service, launcher);
    await load.process.message('listening');
    await load.nodesAre(addresses, 'ready');
    return load;
  }

  start({ inFlight = 64, kinds = [{}], ...shape }: LoadShape = {}): void {
    this.process.tell('start', { inFlight, kinds, ...shape });
  }

  /** Makes no more calls, waits for those in flight, and tells what became of all. */
  async stop(): Promise<LoadResult> {
    this.process.tell('stop');
    return this.process.message<LoadResult>('stopped');
  }

  /** Waits until all of these nodes have this status; tells when that was, on the clock of the records. */
  async nodesAre(addresses: readonly string[], status: NodeStatus): Promise<number> {
    this.process.tell('watch', { statuses: Object.fromEntries(addresses.map((key) => [key, status])) });
    return (await this.process.message<Message & { at: number }>('watched')).at;
  }

  async nodes(): Promise<readonly NodeSnapshot[]> {
    this.process.tell('nodes');
    return (await this.process.message<Message & { nodes: NodeSnapshot[] }>('nodes')).nodes;
  }

  /** Bytes of its heap after a garbage collection. */
  async heapUsed(): Promise<number> {
    this.process.tell('heap');
    return (await this.process.message<Message & { used: number }>('heap')).used;
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }
}
