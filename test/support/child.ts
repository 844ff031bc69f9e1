import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Milliseconds to wait for a message of a process; one takes about a second to start on a busy machine. */
const PATIENCE = 20_000;

/** What a process tells, each a message over its IPC channel: `{ "type": "listening", "port": 20001 }`. */
export interface Message {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a process is to do: with which Nest, and whatever else its script wants to know. */
export interface ChildConfig {
  readonly nest: 11 | 12;
  readonly [key: string]: unknown;
}

/**
 * A process that runs one of `test/processes`, with its own Nest: 12 by default, or 11. It is told what to do as JSON in
 * its first argument, and ends by itself when this process ends.
 */
export class Child {
  /** Everything it has written, standard output and errors in the order they came. */
  output = '';

  private readonly process: ChildProcess;
  private readonly messages: Message[] = [];
  private readonly arrivals = new EventEmitter();
  private readonly exited: Promise<unknown>;

  /** @param launcher a command, with its arguments, that runs the one that follows it: `['ip', 'netns', 'exec', 'a']` */
  constructor(
    script: string,
    config: ChildConfig,
    flags: readonly string[] = [],
    launcher: readonly string[] = [],
  ) {
    const path = fileURLToPath(new URL(`../processes/${script}`, import.meta.url));
    const nodeFlags = [
      // See linkLibrary() in global-setup.mjs.
      ...(config.nest === 11 ? ['--preserve-symlinks'] : []),
      // require() of an ES module, on Node 20.
      '--disable-warning=ExperimentalWarning',
      ...flags,
    ];
    const command = [...launcher, process.execPath, ...nodeFlags, path, JSON.stringify(config)];
    this.process = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.arrivals.emit('news');
      });
    }
    this.process.on('message', (message) => {
      this.messages.push(message as Message);
      this.arrivals.emit('news');
    });
    this.exited = once(this.process, 'close').then(() => this.arrivals.emit('news'));
  }

  /** The next message of this type that has not been taken yet. */
  message<M extends Message = Message>(type: string): Promise<M> {
    return this.eventually(`said "${type}"`, () => {
      const index = this.messages.findIndex((message) => message.type === type);
      return index < 0 ? undefined : (this.messages.splice(index, 1)[0] as M);
    });
  }

  /** Resolves once it has written this text. */
  async wrote(text: string): Promise<void> {
    await this.eventually(`wrote "${text}"`, () => this.output.includes(text) || undefined);
  }

  tell(type: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.process.send({ type, ...fields });
  }

  get ended(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Its exit status, once it has ended by itself. */
  async status(): Promise<number | null> {
    await this.exited;
    return this.process.exitCode;
  }

  /** SIGTERM; resolves when it has ended. */
  async terminate(): Promise<void> {
    this.process.kill('SIGTERM');
    await this.exited;
  }

  /** The signal that ended it, once it has ended; `null` when it did so by itself. */
  async endedBy(): Promise<NodeJS.Signals | null> {
    await this.exited;
    return this.process.signalCode;
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** Stops it as `kill -STOP` does: its connections stay open, and nobody answers. Resolves when it stands still. */
  async freeze(): Promise<void> {
    this.process.kill('SIGSTOP');
    while (!this.state().startsWith('T')) await new Promise((resolve) => setImmediate(resolve));
  }

  thaw(): void {
    this.process.kill('SIGCONT');
  }

  private async eventually<T>(what: string, look: () => T | undefined): Promise<T> {
    const signal = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.ended) throw new Error(`it ended before it ${what}:\n${this.output}`);
      await once(this.arrivals, 'news', { signal }).catch((error: unknown) => {
        throw new Error(`it has not ${what} within ${PATIENCE} ms:\n${this.output}`, { cause: error });
      });
    }
  }

  private state(): string {
    return execFileSync('ps', ['-o', 'state=', '-p', String(this.process.pid)], { encoding: 'utf8' }).trim();
  }
}
