/** Calls, and milliseconds, from which it is judged: a burst, or a moment of trouble, says little of the median. */
const ENOUGH_CALLS = 100;
const PERIOD = 15_000;

/** How many of some calls were still unanswered after the delay. */
export interface LateCalls {
  readonly late: number;
  readonly of: number;
}

/** Finds out whether a hedging delay is below the median of the very calls that it is for, without keeping latencies. */
export class DelayWatch {
  private calls = 0;
  private late = 0;
  private since = -Infinity;

  /** Another call waits for its first answer. Returns what there was, when it is more than half of the last calls. */
  started(now: number): LateCalls | undefined {
    const { calls, late } = this;
    if (calls === 0) this.since = now;
    if (calls < ENOUGH_CALLS || now - this.since < PERIOD) {
      this.calls++;
      return undefined;
    }
    this.calls = 1;
    this.late = 0;
    this.since = now;
    return late > calls / 2 ? { late, of: calls } : undefined;
  }

  /** The delay of one has passed without an answer. */
  passed(): void {
    this.late++;
  }
}
