import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Milliseconds that a process has to end by itself before it is killed. */
const GRACE = 2_000;

/** Another process whose functions (`answer()` in `ipc.mjs`) can be called from here. It does not outlive this one. */
export class Child {
  #process;
  #exited;
  #pending = new Map();
  #lastId = 0;
  #name;

  /**
   * @param {URL} script
   * @param {unknown} settings what its `settings()` gives
   * @param {readonly string[]} [execArgv] flags of Node
   */
  constructor(script, settings, execArgv = []) {
    this.#name = fileURLToPath(script);
    this.#process = fork(script, [JSON.stringify(settings)], {
      execArgv,
      // What a library prints while it is measured is not what whoever measures wants to read; errors are.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#process.on('message', ({ id, result, error }) => {
      const { resolve, reject } = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) resolve(result);
      else reject(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        const why = new Error(`${this.#name} ended (${signal ?? `status ${code}`}) while it was needed`);
        for (const { reject } of this.#pending.values()) reject(why);
        this.#pending.clear();
        resolve();
      });
    });
  }

  /** Calls one of its functions. Rejects with what that throws, and when the process ends. */
  call(method, ...args) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#process.send({ id, method, args }, (error) => {
        if (error && this.#pending.delete(id)) reject(error);
      });
    });
  }

  /** Ends it, and waits until it is gone. */
  async stop() {
    if (this.#process.connected) this.#process.disconnect();
    const impatience = setTimeout(() => this.#process.kill('SIGKILL'), GRACE);
    await this.#exited;
    clearTimeout(impatience);
  }

  /** Ends it at once, as a crash would, and waits until it is gone. */
  async kill() {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}
