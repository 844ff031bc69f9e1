import type { AttemptOutcome } from '../attempt-record.js';

/** What an attempt's end says of its node. */
export type AttemptVerdict = 'success' | 'failure' | 'neutral';

/**
 * An application error is an answer, so the node is well. So is one that says it is overloaded or about to stop: to take
 * it out for that would send its calls to the others, which have as much to do.
 */
export function verdictOf(outcome: AttemptOutcome): AttemptVerdict {
  switch (outcome) {
    case 'answered':
      return 'success';
    case 'refused':
    case 'lost':
    case 'timed-out':
      return 'failure';
    case 'rejected':
    case 'sent':
    case 'cancelled':
      return 'neutral';
  }
}

/** How the attempts on one node have ended since the last sweep. */
export class CallTally {
  successes = 0;
  failures = 0;
  /** Failures since the last success, over sweeps. */
  inARow = 0;
  private latencies = 0;

  get requests(): number {
    return this.successes + this.failures;
  }

  /** Share (0–1) of its requests that succeeded. Means nothing without requests. */
  get successRate(): number {
    return this.successes / this.requests;
  }

  /** Of those that were answered, in milliseconds. Means nothing without one. */
  get meanLatency(): number {
    return this.latencies / this.successes;
  }

  success(latency: number): void {
    this.successes++;
    this.latencies += latency;
    this.inARow = 0;
  }

  failure(): void {
    this.failures++;
    this.inARow++;
  }

  /** A new interval begins. */
  reset(): void {
    this.successes = 0;
    this.failures = 0;
    this.latencies = 0;
  }
}
