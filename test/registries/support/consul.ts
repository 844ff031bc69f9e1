import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/ports.js';
import { consulBinary } from './consul-package.js';

/** Milliseconds in which an agent must be ready; it takes a quarter of a second. */
const PATIENCE = 20_000;

export interface ConsulSettings {
  /** Makes it deny everything to everyone but to who has this token, a UUID. */
  readonly token?: string;
  /** Paths of PEM files: it speaks TLS on a port of its own, too. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/**
 * A Consul agent of its own on this machine, which is its own server and keeps everything in its memory: killed and started
 * again, it has forgotten everything.
 */
export class ConsulAgent {
  private process: ChildProcess | undefined;
  private output = '';

  private constructor(
    private readonly directory: string,
    private readonly args: readonly string[],
    private readonly port: number,
    private readonly httpsPort: number,
    private readonly token: string | undefined,
  ) {}

  static async start({ token, tls }: ConsulSettings = {}): Promise<ConsulAgent> {
    // What somebody has set for Consul's tools on this machine is not meant for these agents.
    const theirs = Object.keys(process.env).filter((name) => name.startsWith('CONSUL_'));
    for (const name of theirs) Reflect.deleteProperty(process.env, name);
    const directory = mkdtempSync(join(tmpdir(), 'lb-consul-'));
    const port = await freePort();
    const httpsPort = await freePort();
    const ports = {
      http: port,
      https: tls ? httpsPort : -1,
      dns: await freePort(),
      server: await freePort(),
      serf_lan: await freePort(),
      serf_wan: await freePort(),
      grpc: -1,
    };
    const acl = token !== undefined && {
      acl: { enabled: true, default_policy: 'deny', tokens: { master: token, agent: token } },
    };
    const config = join(directory, 'agent.json');
    const files = tls && { cert_file: join(directory, 'cert.pem'), key_file: join(directory, 'key.pem') };
    writeFileSync(config, JSON.stringify({ ports, ...acl, ...files }));
    const args = ['agent', '-dev', '-client', '127.0.0.1', '-bind', '127.0.0.1', '-config-file', config];
    const agent = new ConsulAgent(directory, args, port, httpsPort, token);
    if (tls) agent.useCertificate(tls);
    try {
      await agent.restart();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** `127.0.0.1:20001` */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Where it speaks TLS. */
  get httpsAddress(): string {
    return `127.0.0.1:${this.httpsPort}`;
  }

  /** From its next start on. */
  useCertificate({ cert, key }: NonNullable<ConsulSettings['tls']>): void {
    copyFileSync(cert, join(this.directory, 'cert.pem'));
    copyFileSync(key, join(this.directory, 'key.pem'));
  }

  /** Starts it after it was killed; resolves when it can be asked. */
  async restart(): Promise<void> {
    this.process = spawn(consulBinary(), this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    const deadline = performance.now() + PATIENCE;
    while (!(await this.isReady())) {
      if (this.process.exitCode !== null || performance.now() > deadline)
        throw new Error(`the agent is not ready:\n${this.output}`);
      await sleep(20);
    }
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (process?.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, 'close');
    process.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** What its HTTP API answers: `agent.api('PUT', '/agent/service/register', { … })` */
  async api(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`http://${this.address}/v1${path}`, {
      method,
      headers: this.token === undefined ? {} : { 'x-consul-token': this.token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  /** It has a leader, which is itself, and has told it that it is there. */
  private async isReady(): Promise<boolean> {
    try {
      return ((await this.api('GET', '/catalog/nodes')) as unknown[]).length > 0;
    } catch {
      return false;
    }
  }
}
