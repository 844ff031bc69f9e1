/** What the end of a call says of the load. */
export type LoadSignal =
  /** It was answered: its latency counts, also that of an error a handler threw. */
  | 'answered'
  /** It was refused for lack of capacity or timed out: a sign of overload, however quickly it came. */
  | 'dropped'
  /** It says nothing: cancelled, or never sent. */
  | 'ignored';

/** How many calls may be in flight at once. Whoever owns it admits a call while `inFlight < limit`. */
export interface ConcurrencyLimit {
  /** A whole number, at least 1. */
  readonly limit: number;
  readonly inFlight: number;
  /** A call begins; it counts as `cost` calls, 1 by default. */
  onStart(cost?: number): void;
  /** It ends, once for each `onStart()` and with its cost. Monotonic time and latency in milliseconds. */
  onEnd(now: number, latency: number, signal: LoadSignal, cost?: number): void;
}

/** A limit that its owner has measured. */
export class FixedLimit implements ConcurrencyLimit {
  inFlight = 0;

  constructor(readonly limit: number) {}

  onStart(cost = 1): void {
    this.inFlight += cost;
  }

  onEnd(_now?: number, _latency?: number, _signal?: LoadSignal, cost = 1): void {
    this.inFlight -= cost;
  }
}
