import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/ports.js';
import { findBinary } from './requirements.js';

/** The zone that it serves. */
export const ZONE = 'lb.test';
/** Milliseconds to wait for its first answer, or for what it writes; either takes a tenth of a second. */
const PATIENCE = 15_000;

/** A real name server, bind9, on a port of 127.0.0.1, whose records are changed with `nsupdate` and a TSIG key. */
export class NameServer {
  private readonly directory = mkdtempSync(join(tmpdir(), 'lb-named-'));
  private readonly key = randomBytes(32).toString('base64');
  private child: ChildProcess | undefined;
  private output = '';
  private isBad = false;

  private constructor(readonly port: number) {}

  static async start(): Promise<NameServer> {
    const server = new NameServer(await freePort());
    server.configure();
    try {
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** As a target names it: `127.0.0.1:5353`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Begins to serve the records that it had; resolves with its first answer. */
  async start(): Promise<void> {
    this.child = spawn(binary('named'), ['-4', '-g', '-c', 'named.conf'], {
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    const resolver = new Resolver({ timeout: 200, tries: 1 });
    resolver.setServers([this.address]);
    const end = performance.now() + PATIENCE;
    for (;;) {
      if (
        await resolver.resolveSoa(ZONE).then(
          () => true,
          (error: unknown) => this.isBad && isBadAnswer(error),
        )
      )
        return;
      if (this.child.exitCode !== null || performance.now() > end)
        throw new Error(`named does not answer:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves once it has been asked for records of this kind over TCP; what it writes arrives after its answers. */
  async wasAskedOverTcp(name: string, kind: string): Promise<void> {
    // T is for TCP.
    const question = new RegExp(`query: ${name}\\.${ZONE} IN ${kind} \\S*T`);
    const end = performance.now() + PATIENCE;
    while (!question.test(this.output)) {
      if (performance.now() > end) throw new Error(`named was not asked over TCP:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** `kill -9`; resolves when it is gone. Its records stay, in the journal of the zone. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /**
   * Changes records, all at once: `add('h 1 A 127.0.0.2')`, with the name relative to the zone and the TTL in seconds;
   * `delete('h A')`.
   */
  async update(...changes: string[]): Promise<void> {
    const commands = changes.map((change) => {
      const [verb = '', name = '', ...rest] = change.split(' ');
      return `update ${verb} ${name}.${ZONE}. ${rest.join(' ')}`;
    });
    const script = [`server 127.0.0.1 ${this.port}`, `zone ${ZONE}`, ...commands, 'send', ''].join('\n');
    const nsupdate = spawn(binary('nsupdate'), ['-k', join(this.directory, 'update.key')], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let complaint = '';
    nsupdate.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    nsupdate.stdin.end(script);
    const [status] = (await once(nsupdate, 'close')) as [number];
    if (status !== 0) throw new Error(`nsupdate: ${complaint}`);
  }

  /** Ends it, and takes away what it wrote. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * Starts again as one that has turned bad: that answers nobody (`refuses`, REFUSED), or that cannot load its zone (`fails`,
   * SERVFAIL).
   */
  async turnBad(how: 'refuses' | 'fails'): Promise<void> {
    await this.kill();
    this.configure(how);
    this.isBad = true;
    await this.start();
  }

  private configure(how: 'works' | 'refuses' | 'fails' = 'works'): void {
    const key = `key "update" { algorithm hmac-sha256; secret "${this.key}"; };\n`;
    const files = {
      'update.key': key,
      'named.conf': `
        options {
          directory "${this.directory}"; pid-file none; session-keyfile "${this.directory}/session.key";
          listen-on port ${this.port} { 127.0.0.1; }; listen-on-v6 { none; };
          recursion no; dnssec-validation no; notify no; querylog yes;
          allow-query { ${how === 'refuses' ? 'none' : 'any'}; };
        };
        controls { };
        ${key}
        zone "${ZONE}" { type primary; file "${how === 'fails' ? 'none' : 'zone'}"; allow-update { key "update"; }; };`,
      // The time to live of an answer that there is nothing is the last number.
      zone: `$TTL 1
@  IN SOA ns.${ZONE}. admin.${ZONE}. ( 1 60 60 60 1 )
@  IN NS  ns.${ZONE}.
ns IN A   127.0.0.1
`,
    };
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(this.directory, name), content, { mode: 0o600 });
  }
}

function isBadAnswer(error: unknown): boolean {
  return ['EREFUSED', 'ESERVFAIL'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function binary(name: string): string {
  const path = findBinary(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}
