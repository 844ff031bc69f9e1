import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BalancedTcpServerOptions } from 'nestjs-load-balancer';
import { Child } from '../../support/child.js';
import { freePort } from '../../support/ports.js';

export interface WorkerConfig {
  /** Nest's own TCP server, or ours. */
  readonly server: 'stock' | 'balanced';
  /** Milliseconds that it works on a call, at random between the two. */
  readonly work: readonly [shortest: number, longest: number];
  /** Calls that it can work on at once; any number by default. */
  readonly slots?: number;
  readonly limits?: NonNullable<BalancedTcpServerOptions['limits']>;
  readonly host: string;
  /** A command that runs it, in a network namespace say. */
  readonly launcher: readonly string[];
}

/** What 64 calls in flight make 850 calls a second of: little enough for two cores with everything that runs on them. */
const DEFAULTS: WorkerConfig = { server: 'balanced', work: [50, 100], host: '127.0.0.1', launcher: [] };

/** A provider in a process of its own. */
export class Worker {
  process: Child;

  constructor(
    readonly name: string,
    readonly port: number,
    private readonly journal: string,
    private readonly config: WorkerConfig,
  ) {
    this.process = this.spawn();
  }

  /** `host:port`, as nodes are named. */
  get address(): string {
    return `${this.config.host}:${this.port}`;
  }

  async listens(): Promise<void> {
    await this.process.message('listening');
  }

  /** Starts it again on its port. */
  async restart(): Promise<void> {
    this.process = this.spawn();
    await this.listens();
  }

  private spawn(): Child {
    const { launcher, ...config } = this.config;
    const { name, port, journal } = this;
    return new Child(
      '../faults/processes/worker.mjs',
      { nest: 12, ...config, name, port, journal },
      [],
      launcher,
    );
  }
}

/** The providers of a test, and what they have processed. */
export class Workers {
  readonly all: Worker[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'load-balancer-faults-'));

  /** Starts some, one beside the other. */
  async start(...configs: readonly Partial<WorkerConfig>[]): Promise<Worker[]> {
    const started: Worker[] = [];
    for (const config of configs) {
      const name = `node-${this.all.length + 1}`;
      const worker = new Worker(name, await freePort(), this.journal(name), { ...DEFAULTS, ...config });
      this.all.push(worker);
      started.push(worker);
    }
    await Promise.all(started.map((worker) => worker.listens()));
    return started;
  }

  /** How often each call was begun, by its id, on any of them. */
  executions(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { name } of this.all) {
      for (const id of linesOf(this.journal(name))) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  /** For `afterAll`: kills what still runs. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map(({ process }) => process.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private journal(name: string): string {
    return join(this.folder, `${name}.journal`);
  }
}

/** The lines of a file, without what a process was killed in the middle of. */
export function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

/** `static:///…` with these nodes. */
export function targetOf(...nodes: readonly { readonly address: string }[]): string {
  return `static:///${nodes.map(({ address }) => address).join(',')}`;
}
