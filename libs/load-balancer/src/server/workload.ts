import type { ConcurrencyLimit, LoadSignal } from '../resilience/concurrency-limit.js';
import type { PriorityShedding, Refusal } from '../resilience/priority-shedding.js';

/** Each latency's share of the average. TCP's smoothed round trip takes an eighth, which is lively for handlers of all kinds. */
const LATENCY_WEIGHT = 1 / 16;

/** How many messages may be in flight, and which of them when they are too many. */
export interface Limits {
  readonly concurrency: ConcurrencyLimit;
  readonly shedding: PriorityShedding;
}

/** All that a server is doing at the moment, and whether it can take more. Times are monotonic milliseconds. */
export class Workload {
  /** Messages in flight, by their costs. */
  inFlight = 0;
  /** Messages in flight. */
  messages = 0;
  /** Moving average of how long requests wait for their first answer; `undefined` before the first. */
  latency: number | undefined = undefined;

  constructor(private readonly limits?: Limits) {}

  /** `undefined`: there is room for a request. */
  check(priority: number, now: number): Refusal | undefined {
    return this.limits?.shedding.check(this.limits.concurrency, priority, now);
  }

  start(cost: number): void {
    this.messages++;
    this.inFlight += cost;
    this.limits?.concurrency.onStart(cost);
  }

  end(cost: number, now: number, latency: number, signal: LoadSignal): void {
    this.messages--;
    this.inFlight -= cost;
    if (signal !== 'ignored') {
      this.latency =
        this.latency === undefined ? latency : this.latency + (latency - this.latency) * LATENCY_WEIGHT;
    }
    if (!this.limits) return;
    this.limits.concurrency.onEnd(now, latency, signal, cost);
    this.limits.shedding.onEnd(now);
  }
}
