import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PRELOAD = new URL('exit-with-parent.mjs', import.meta.url).href;
/** Apps that have not ended by themselves after this time (ms) are killed. */
const GRACE = 3_000;

/** An app that ended though nobody asked it to. */
export class AppEndedError extends Error {}

/** The processes of the example, each with a log file of its own. None outlives this process. */
export class Processes {
  /** The folder of the logs. */
  logs = mkdtempSync(join(tmpdir(), 'load-balancer-tour-'));
  #running = new Map();

  constructor() {
    process.on('exit', () => this.#running.forEach((child) => child.kill('SIGKILL')));
  }

  /**
   * Starts an app, again under the same name if it has ended.
   *
   * @param {string} name
   * @param {string} script
   * @param {NodeJS.ProcessEnv} env
   */
  start(name, script, env) {
    const log = openSync(this.#logOf(name), 'a');
    const child = spawn(process.execPath, ['--import', PRELOAD, script], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    child.stdin.on('error', () => {}); // It may end before we do.
    child.once('exit', () => this.#running.delete(name));
    this.#running.set(name, child);
  }

  /** Ends one at once, as a crash would, and waits until it is gone. */
  async kill(name) {
    const child = this.#running.get(name);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Asks one to end, as a deploy would, and waits until it is gone. */
  async terminate(name) {
    const child = this.#running.get(name);
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }

  /** Resolves when it has ended, for whatever reason. */
  async ended(name) {
    await once(this.#running.get(name), 'exit');
  }

  /**
   * Tries until it works.
   *
   * @template T
   * @param {string} what is waited for, for the message when it takes too long
   * @param {() => Promise<T | undefined>} attempt gives nothing, or fails, as long as it is not so
   * @param {{ timeout: number, needs: readonly string[] }} options milliseconds; the apps without which it can never be so
   * @returns {Promise<T>}
   * @throws {AppEndedError}
   */
  async until(what, attempt, { timeout, needs }) {
    const deadline = performance.now() + timeout;
    let problem;
    for (;;) {
      const result = await attempt().catch((error) => {
        problem = error;
      });
      if (result !== undefined) return result;
      const ended = needs.find((name) => !this.#running.has(name));
      if (ended)
        throw new AppEndedError(`${ended} ended by itself; its last words:\n${this.lastWords(ended)}`);
      if (performance.now() > deadline) {
        throw new Error(`${what}: not within ${timeout / 1_000} s${problem ? ` (${problem.message})` : ''}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The end of an app's log. */
  lastWords(name, lines = 8) {
    return readFileSync(this.#logOf(name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Asks all of them to end, and sees to it that they do. */
  async stop() {
    const children = [...this.#running.values()];
    const gone = children.map((child) => once(child, 'exit'));
    children.forEach((child) => child.kill('SIGTERM'));
    const last = setTimeout(() => children.forEach((child) => child.kill('SIGKILL')), GRACE);
    await Promise.all(gone);
    clearTimeout(last);
  }

  /** Removes the logs, when there is nothing to be read in them. */
  forget() {
    rmSync(this.logs, { recursive: true, force: true });
  }

  #logOf(name) {
    return join(this.logs, `${name}.log`);
  }
}
