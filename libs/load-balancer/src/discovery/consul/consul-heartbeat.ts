/** What a beat found out. */
export type Beat = 'alive' | 'forgotten';

/** How many beats fit into the time for which a registration is trusted, so that two may be lost. */
const BEATS = 3;
/**
 * Milliseconds at most from one beat to the next: an agent that has restarted and forgotten must hear of the registration again
 * before consumers let it go, however long it is trusted. A beat costs the agent next to nothing.
 */
const MAX_INTERVAL = 5_000;
/** Milliseconds until the next beat when one failed: an agent that restarts is back in about as much. */
const RETRY = 1_000;

/**
 * Keeps a registration alive by one beat after the other, and tells, once, when the registry has lost it or could not be
 * reached for as long as it trusts a registration.
 */
export class Heartbeat {
  private readonly stopped = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private aliveAt = performance.now();

  /**
   * @param ttl milliseconds for which the registration is trusted without a beat
   * @param beat tells the registry, or asks it; rejects when it cannot be reached
   */
  constructor(
    private readonly ttl: number,
    private readonly beat: (timeout: number, signal: AbortSignal) => Promise<Beat>,
    private readonly onLost: (reason: string) => void,
  ) {
    this.schedule(this.interval);
  }

  /** Nothing is told afterwards. */
  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  private get interval(): number {
    return Math.min(this.ttl / BEATS, MAX_INTERVAL);
  }

  private schedule(delay: number): void {
    // The server that is registered keeps the process running, not this.
    this.timer = setTimeout(() => void this.run(), delay).unref();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped;
    try {
      const beat = await this.beat(this.interval, signal);
      if (signal.aborted) return;
      if (beat === 'forgotten') {
        this.lost('the agent does not know it any more');
        return;
      }
      this.aliveAt = performance.now();
      this.schedule(this.interval);
    } catch (error) {
      if (signal.aborted) return;
      if (performance.now() - this.aliveAt >= this.ttl) this.lost((error as Error).message);
      else this.schedule(Math.min(RETRY, this.interval));
    }
  }

  private lost(reason: string): void {
    this.stop();
    this.onLost(reason);
  }
}
