import { Etcd3, type IOptions } from 'etcd3';
import { spawn, type ChildProcess } from 'node:child_process';
import type { Target } from 'nestjs-load-balancer';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/ports.js';
import { findBinary } from './requirements.js';

/** Milliseconds for etcd to begin to answer; it takes half a second on an idle machine. */
const PATIENCE = 30_000;

export interface EtcdSettings {
  /** Paths of PEM files: clients must come with TLS, and with a certificate of this authority where `mutual`. */
  readonly tls?: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
    readonly mutual?: boolean;
  };
}

/** One etcd server on loopback, with its data in a folder of its own. */
export class EtcdServer {
  output = '';
  private process: ChildProcess | undefined;
  private readonly data = mkdtempSync(join(tmpdir(), 'lb-etcd-'));

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly peerPort: number,
    private settings: EtcdSettings,
  ) {}

  /** A server alone, or several that make a cluster; they answer when this resolves. */
  static async start(size = 1, settings: EtcdSettings = {}): Promise<EtcdServer[]> {
    const servers: EtcdServer[] = [];
    for (let index = 1; index <= size; index++)
      servers.push(new EtcdServer(`m${index}`, await freePort(), await freePort(), settings));
    const cluster = servers.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`).join(',');
    await Promise.all(servers.map((server) => server.run(cluster)));
    return servers;
  }

  /** `host:port` */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** `kill -9` */
  async kill(): Promise<void> {
    const { process } = this;
    if (process?.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, 'exit');
    process.kill('SIGKILL');
    await gone;
  }

  /** Again, on its port; with its data, unless that is `lost`, and with other settings, if there are any. */
  async restart({ lost = false, settings = this.settings } = {}): Promise<void> {
    await this.kill();
    this.settings = settings;
    if (lost) rmSync(this.data, { recursive: true, force: true });
    await this.run();
  }

  /** For `afterAll`. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }

  private cluster = '';

  private async run(cluster = this.cluster): Promise<void> {
    this.cluster = cluster;
    const { tls } = this.settings;
    const client = `${tls ? 'https' : 'http'}://${this.endpoint}`;
    const peer = `http://127.0.0.1:${this.peerPort}`;
    const args = {
      name: this.name,
      'data-dir': this.data,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': cluster,
      'heartbeat-interval': '50',
      'election-timeout': '500',
      'unsafe-no-fsync': 'true',
      'log-level': 'error',
      ...(tls && { 'cert-file': tls.cert, 'key-file': tls.key }),
      ...(tls?.mutual && { 'client-cert-auth': 'true', 'trusted-ca-file': tls.ca }),
    };
    const binary = findBinary('etcd') as string;
    const flags = Object.entries(args).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    // Whatever way the test ends.
    const onExit = (): void => void child.kill('SIGKILL');
    process.once('exit', onExit);
    child.once('exit', () => process.off('exit', onExit));

    const deadline = Date.now() + PATIENCE;
    while (!(await this.answers())) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`etcd does not answer on ${this.endpoint}:\n${this.output}`);
      await sleep(20);
    }
  }

  private async answers(): Promise<boolean> {
    // A server with TLS is not asked; it listens once it has a leader to listen for.
    if (!(await accepts(this.port))) return false;
    if (this.settings.tls) return true;
    const response = await fetch(`http://${this.endpoint}/health`).catch(() => undefined);
    return response?.ok === true && ((await response.json()) as { health: string }).health === 'true';
  }
}

/** A target as resolvers and registrars are given it; these tests need no credentials in it. */
export function etcdTarget(uri: string): Target {
  const [, authority = '', path = '', query = ''] = /^etcd:\/\/([^/]*)\/([^?]*)\??(.*)$/.exec(uri) ?? [];
  return { uri, scheme: 'etcd', authority, path, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** A client as a test, or an operator, would use it. */
export function etcdClient(servers: readonly EtcdServer[], options: Partial<IOptions> = {}): Etcd3 {
  return new Etcd3({ hosts: servers.map(({ endpoint }) => endpoint), ...options });
}

/** Which of them leads. */
export async function leaderOf(servers: readonly EtcdServer[]): Promise<EtcdServer> {
  for (;;) {
    for (const server of servers) {
      const metrics = await fetch(`http://${server.endpoint}/metrics`).then((response) => response.text());
      if (/^etcd_server_is_leader 1$/m.test(metrics)) return server;
    }
    await sleep(20);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
