import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two calls of one caller. */
const PAUSE = 20;
const CALLERS = 4;

/** Calls one after the other, by a few callers, until it is stopped. */
export class SteadyCalls {
  private made = 0;
  private readonly failures: string[] = [];
  private stopped = false;
  private readonly callers: Promise<unknown>;

  constructor(call: () => Promise<unknown>) {
    this.callers = Promise.all(Array.from({ length: CALLERS }, () => this.run(call)));
  }

  /** Resolves once so many calls have been made. */
  async until(made: number): Promise<void> {
    while (this.made < made) await sleep(PAUSE);
  }

  async stop(): Promise<{ made: number; failures: readonly string[] }> {
    this.stopped = true;
    await this.callers;
    return { made: this.made, failures: this.failures };
  }

  private async run(call: () => Promise<unknown>): Promise<void> {
    while (!this.stopped) {
      await call().catch((error: unknown) => this.failures.push(String(error)));
      this.made++;
      await sleep(PAUSE);
    }
  }
}
