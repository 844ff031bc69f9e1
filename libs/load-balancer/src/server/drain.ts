import type { Logger } from '@nestjs/common';
import type { ClientConnection } from './client-connection.js';
import type { Workload } from './workload.js';

/** Milliseconds between two looks at what is left. */
const STEP = 10;
/** A stock client cannot be told to stop: its connection is closed once it has been silent for so many milliseconds. */
const STOCK_IDLE = 100;
/** What clients of ours get to read the notice and to end the connection themselves, in milliseconds. */
const NOTICE_GRACE = 1_000;
/** What is answered when the time is up has so many milliseconds more to be written. */
const LAST_WRITES = 100;

/**
 * Stops a server without losing a call: tells the clients of ours, which take their calls elsewhere; serves those of stock
 * clients, which know of no elsewhere; closes each connection when it has nothing in flight and nothing is likely to come;
 * and waits for what is being served, events too.
 */
export class Drain {
  /** New requests of clients of ours are to be refused. */
  draining = false;

  /** @param timeout milliseconds after which whatever is left is destroyed, 0 for at once */
  constructor(
    private readonly connections: ReadonlySet<ClientConnection>,
    private readonly workload: Workload,
    private readonly timeout: number,
    private readonly logger: Pick<Logger, 'log' | 'warn'>,
  ) {}

  /** The server takes no new connections when this is called. */
  async run(): Promise<void> {
    const startedAt = performance.now();
    this.draining = true;
    if (this.isDone()) return;
    if (this.timeout > 0) {
      this.logger.log(`Draining: ${this.whatIsLeft()}`);
      for (const connection of this.connections) connection.notice(startedAt);
      await this.until(startedAt + this.timeout, () => {
        this.closeIdle();
        return this.isDone();
      });
      if (this.isDone()) {
        this.logger.log(`Drained in ${Math.ceil(performance.now() - startedAt)} ms`);
        return;
      }
      this.logger.warn(`Drained for ${this.timeout} ms, and gave up: ${this.whatIsLeft()}`);
    }
    await this.destroyAll();
  }

  private isDone(): boolean {
    return this.connections.size === 0 && this.workload.messages === 0;
  }

  private closeIdle(): void {
    const now = performance.now();
    for (const connection of this.connections) {
      const idle = connection.readsTrailers
        ? now - connection.noticedAt >= NOTICE_GRACE
        : now - connection.activeAt >= STOCK_IDLE;
      if (idle && connection.inFlight === 0) connection.end();
    }
  }

  private async destroyAll(): Promise<void> {
    for (const connection of this.connections) connection.destroySoon();
    await this.until(performance.now() + LAST_WRITES, () => this.connections.size === 0);
    for (const connection of this.connections) connection.destroy();
  }

  /** Looks again and again; at once, too, so that a server with nothing to do stops without delay. */
  private until(end: number, isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        const left = end - performance.now();
        if (isDone() || left <= 0) resolve();
        else setTimeout(look, Math.min(STEP, left));
      };
      look();
    });
  }

  private whatIsLeft(): string {
    return `${this.workload.messages} messages in flight, ${this.connections.size} connections open`;
  }
}
