import type { ConcurrencyLimit, LoadSignal } from '../resilience/concurrency-limit.js';
import { LatencyByLoad } from '../resilience/latency-by-load.js';
import type { PriorityShedding, Refusal } from '../resilience/priority-shedding.js';
import { SlidingCount } from '../resilience/sliding-count.js';

/** Milliseconds over which rates are counted: enough for a steady figure, short enough to follow the load. */
const RATE_WINDOW = 10_000;

/** How many messages may be in flight, and which of them when they are too many. */
export interface Limits {
  readonly concurrency: ConcurrencyLimit;
  readonly shedding: PriorityShedding;
}

/** What is to be known of a message that ends. */
export interface EndedMessage {
  readonly cost: number;
  /** What was in flight when it began, itself included. */
  readonly among: number;
  /** It was answered with an error. */
  readonly failed: boolean;
  latency(now: number): number;
  loadSignal(): LoadSignal;
}

/** All that a server is doing at the moment, and whether it can take more. Times are monotonic milliseconds. */
export class Workload {
  /** Messages in flight, by their costs. */
  inFlight = 0;
  /** Messages in flight. */
  messages = 0;

  private readonly latencies = new LatencyByLoad();
  private readonly answered = new SlidingCount(RATE_WINDOW);
  private readonly failed = new SlidingCount(RATE_WINDOW);

  constructor(private readonly limits?: Limits) {}

  /** `undefined`: there is room for a request. */
  check(priority: number, now: number): Refusal | undefined {
    return this.limits?.shedding.check(this.limits.concurrency, priority, now);
  }

  /** How long a request that came now would wait for its first answer; `undefined` when there was none lately. */
  latency(now: number): number | undefined {
    return this.latencies.at(this.inFlight + 1, now);
  }

  /** Requests answered a second. */
  rate(now: number): number {
    return this.answered.sum(now) / (RATE_WINDOW / 1_000);
  }

  /** Share of the answers that were errors; `undefined` without answers. */
  errorRate(now: number): number | undefined {
    const answered = this.answered.sum(now);
    return answered === 0 ? undefined : this.failed.sum(now) / answered;
  }

  /** Returns what is in flight now. */
  start(cost: number): number {
    this.messages++;
    this.inFlight += cost;
    this.limits?.concurrency.onStart(cost);
    return this.inFlight;
  }

  end(message: EndedMessage, now: number): void {
    const { cost } = message;
    this.messages--;
    this.inFlight -= cost;
    const signal = message.loadSignal();
    const latency = message.latency(now);
    if (signal !== 'ignored') {
      this.latencies.record(message.among, latency, now);
      this.answered.add(1, now);
      if (message.failed) this.failed.add(1, now);
    }
    if (!this.limits) return;
    this.limits.concurrency.onEnd(now, latency, signal, cost);
    this.limits.shedding.onEnd(now);
  }
}
