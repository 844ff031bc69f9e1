import type { ChildConfig } from './child.js';
import { Child } from './child.js';
import { freePort } from './ports.js';

export interface ProviderConfig extends ChildConfig {
  /** Nest's own TCP server, without this library in the process unless it is to `register`; the same beside HTTP; or ours. */
  readonly server: 'stock' | 'hybrid' | 'balanced';
  readonly name: string;
  /** An address of this machine; 127.0.0.1 by default. */
  readonly host?: string;
  readonly port: number;
  /** Where it registers itself, if it does. */
  readonly register?: unknown;
}

/** A provider in a process of its own. */
export class Provider {
  private child: Child;

  constructor(private readonly config: ProviderConfig) {
    this.child = new Child('provider.mjs', config);
  }

  get name(): string {
    return this.config.name;
  }

  get port(): number {
    return this.config.port;
  }

  /** `host:port`, as nodes are named. */
  get address(): string {
    return `${this.config.host ?? '127.0.0.1'}:${this.port}`;
  }

  get process(): Child {
    return this.child;
  }

  async listens(): Promise<void> {
    await this.child.message('listening');
  }

  /** Starts it again on its port, after it was killed. */
  async restart(): Promise<void> {
    this.child = new Child('provider.mjs', this.config);
    await this.listens();
  }
}

/** The processes of a test, ended with it. */
export class Fleet {
  private readonly providers: Provider[] = [];

  /** One provider; a Nest 12 of the stock kind on a free port unless told otherwise. */
  async start(config: Partial<ProviderConfig> = {}): Promise<Provider> {
    const name = `node-${this.providers.length + 1}`;
    const port = config.port ?? (await freePort());
    const provider = new Provider({ nest: 12, server: 'stock', name, ...config, port });
    this.providers.push(provider);
    await provider.listens();
    return provider;
  }

  /** Several of the same kind, started one beside the other. */
  startAll(configs: readonly Partial<ProviderConfig>[]): Promise<Provider[]> {
    return Promise.all(configs.map((config, index) => this.start({ name: `node-${index + 1}`, ...config })));
  }

  /** Kills what still runs. For `afterEach`. */
  async stop(): Promise<void> {
    await Promise.all(this.providers.splice(0).map(({ process }) => process.kill()));
  }
}

/** `static:///…` with these nodes. */
export function staticTarget(...nodes: readonly (Provider | number)[]): string {
  return `static:///${nodes.map((node) => (typeof node === 'number' ? `127.0.0.1:${node}` : node.address)).join(',')}`;
}
