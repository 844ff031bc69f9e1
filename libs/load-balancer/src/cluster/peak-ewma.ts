/** Finagle's default: long enough that a slow node does not look cheap again after a second of rest. */
export const PEAK_DECAY = 10_000;

/**
 * A moving average of latencies that is pessimistic on purpose: a latency above it replaces it at once, one below it
 * pulls it down with e^(−Δt/τ). It fades while nobody adds to it, so that a node is tried again in the end.
 *
 * Finagle's `PeakEwma` without its flaw that a look at the average moves it: here only `observe` does. Times are
 * monotonic milliseconds.
 */
export class PeakLatency {
  private average = 0;
  private at = -Infinity;

  /** @param decay τ in milliseconds */
  constructor(private readonly decay: number = PEAK_DECAY) {}

  /** Has anything been observed? */
  get known(): boolean {
    return this.at !== -Infinity;
  }

  observe(latency: number, now: number): void {
    const weight = this.weightAt(now);
    this.average = latency > this.average ? latency : this.average * weight + latency * (1 - weight);
    // A clock that goes back counts as standing still.
    if (now > this.at) this.at = now;
  }

  /** The average at `now`; 0 before anything has been observed. */
  read(now: number): number {
    return this.average * this.weightAt(now);
  }

  /** What comes is another process, of which nothing is known. */
  forget(): void {
    this.average = 0;
    this.at = -Infinity;
  }

  /** How much the past counts for. */
  private weightAt(now: number): number {
    return now > this.at ? faded((now - this.at) / this.decay) : 1;
  }
}

/** Where the approximation is off by less than a part in a thousand million. */
const SHORT = 0.05;

/**
 * e^−x. Answers of a busy node come within milliseconds of each other, for which the Padé approximant of order 2 does: the
 * exact function is a call out of compiled code for every answer and two for every pick.
 */
function faded(x: number): number {
  if (x > SHORT) return Math.exp(-x);
  const even = 1 + (x * x) / 12;
  return (even - x / 2) / (even + x / 2);
}
