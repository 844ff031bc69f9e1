import { DelayWatch, type LateCalls } from './delay-watch.js';
import type { LatencyWindow } from './latency-window.js';
import type { PushBack } from './retry-backoff.js';
import type { RetryBudget } from './retry-budget.js';

/** Milliseconds, or a percentile of the service's own latency such as `p95`. */
export type HedgeDelay = number | `p${number}`;

export interface HedgeOptions {
  /** How long each attempt may go unanswered before the next one is sent beside it; at least 1 ms. */
  delay: HedgeDelay;
  /** Attempts for a call, the first one included; 2 by default. */
  maxAttempts?: number;
}

/** A call whose hedging delay has passed. */
export interface HedgeCandidate {
  readonly idempotent: boolean;
  /** Has the caller seen a part of an answer? */
  readonly emitted: boolean;
  /** Is the request that this process is serving, and that the call is made for, a retry itself? */
  readonly servesRetry: boolean;
  /** Attempts made so far, hedges included. */
  readonly attempts: number;
  /** What a server has answered of retries. */
  readonly pushBack: PushBack | undefined;
}

/** Finagle's floor, and what a percentile of about 0 is raised to. */
const SHORTEST_DELAY = 1;
/** Milliseconds for which a percentile is kept; Finagle's `BackupRequestFilter` refreshes as often. */
const REFRESH = 3_000;

const PERCENTILE = /^p((?:0|[1-9]\d?)(?:\.\d{1,3})?)$/;

/** The percentile in `p95` or `p99.9`: above 0 and below 100; `undefined` if it is none. */
export function parsePercentile(text: string): number | undefined {
  const percentile = Number(PERCENTILE.exec(text)?.[1] ?? 0);
  return percentile > 0 ? percentile : undefined;
}

/**
 * When to send a call to a second node while the first is still silent (Dean and Barroso, *The Tail at Scale*; Finagle's
 * backup requests). Hedges draw on the budget of the retries: when a service slows down as a whole, every call passes
 * its delay, and hedging them all would double the load. grpc-js does not consult its throttle here.
 *
 * One policy serves one service or pattern; the percentile is taken every 3 s.
 */
export class HedgePolicy {
  private readonly maxAttempts: number;
  private readonly fixedDelay: number | undefined;
  private readonly percentile: number;
  private cached = 0;
  private cachedAt = -Infinity;
  private readonly watch: DelayWatch | undefined;

  /**
   * @param options validated before
   * @param onEarly told when a fixed delay is below the median of the calls that it is for, each time that is found
   */
  constructor(
    { delay, maxAttempts = 2 }: HedgeOptions,
    private readonly onEarly?: (calls: LateCalls) => void,
  ) {
    // A percentile follows the latency by itself.
    this.watch = typeof delay === 'number' && onEarly ? new DelayWatch() : undefined;
    this.maxAttempts = maxAttempts;
    this.fixedDelay = typeof delay === 'number' ? Math.max(delay, SHORTEST_DELAY) : undefined;
    this.percentile = typeof delay === 'number' ? 0 : (parsePercentile(delay) ?? 0);
  }

  /**
   * Milliseconds after an attempt at which the next one may be sent; `undefined` while too little is known of the
   * service's latency: then nothing is hedged.
   */
  nextDelay(latencies: LatencyWindow, now: number): number | undefined {
    if (this.fixedDelay !== undefined) return this.fixedDelay;
    if (now - this.cachedAt < REFRESH) return this.cached;
    const latency = latencies.percentile(this.percentile, now);
    if (latency === undefined) return undefined;
    this.cachedAt = now;
    this.cached = Math.max(latency, SHORTEST_DELAY);
    return this.cached;
  }

  /** The first attempt of a call has been sent, and will be hedged when the delay passes. */
  started(now: number): void {
    const calls = this.watch?.started(now);
    if (calls) this.onEarly?.(calls);
  }

  /** It was still unanswered then. */
  passed(): void {
    this.watch?.passed();
  }

  /** Is the call one to hedge at all? If not, no delay need be armed. */
  applies({ idempotent, servesRetry }: Pick<HedgeCandidate, 'idempotent' | 'servesRetry'>): boolean {
    return idempotent && !servesRetry && this.maxAttempts > 1;
  }

  /** The delay has passed: may another attempt be sent? If so, it has been paid for. */
  tryHedge(call: HedgeCandidate, budget: Pick<RetryBudget, 'tryWithdraw'>, now: number): boolean {
    return (
      this.applies(call) &&
      !call.emitted &&
      call.pushBack !== 'never' &&
      call.attempts < this.maxAttempts &&
      budget.tryWithdraw(now)
    );
  }
}
