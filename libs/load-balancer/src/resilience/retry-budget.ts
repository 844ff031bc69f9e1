import { SlidingCount } from './sliding-count.js';

export interface RetryBudgetOptions {
  /** Retries allowed for each call, 0–1; 0.2 by default: retries add at most a fifth to the load. */
  ratio?: number;
  /** Retries a second that are allowed whatever the traffic, so that a service with few calls has some; 10 by default. */
  minPerSecond?: number;
  /** Milliseconds for which a call counts, 1 000–60 000; 10 000 by default. */
  ttl?: number;
}

/**
 * Finagle's `RetryBudget`, with its defaults: within `ttl`, retries are at most `ratio` of the calls plus a reserve of
 * `minPerSecond`. All retries and hedges of a service draw on one budget, so that a service in trouble is not buried
 * under them.
 *
 * A withdrawal counts for `ttl`, as a deposit does: a call is never spent twice, and the reserve comes back at
 * `minPerSecond`. The reserve is there from the start. Calls and withdrawals are counted as whole numbers; Finagle
 * scales them to integers for the same exactness.
 *
 * Times are monotonic milliseconds; see `SlidingCount` for a clock that jumps.
 *
 * @example
 * ```ts
 * budget.deposit(now());                       // once a call, whatever its attempts
 * if (budget.tryWithdraw(now())) retry();      // once a retry or hedge
 * ```
 */
export class RetryBudget {
  private readonly ratio: number;
  private readonly reserve: number;
  private readonly deposits: SlidingCount;
  private readonly withdrawals: SlidingCount;

  constructor({ ratio = 0.2, minPerSecond = 10, ttl = 10_000 }: RetryBudgetOptions = {}) {
    this.ratio = ratio;
    this.reserve = (minPerSecond * ttl) / 1_000;
    this.deposits = new SlidingCount(ttl);
    this.withdrawals = new SlidingCount(ttl);
  }

  /** A call begins. Its retries and hedges are not calls. */
  deposit(now: number): void {
    this.deposits.add(1, now);
  }

  /** Takes one retry out, if there is one: `false` leaves the budget as it is. */
  tryWithdraw(now: number): boolean {
    if (this.balance(now) < 1) return false;
    this.withdrawals.add(1, now);
    return true;
  }

  /** Retries that could be made now. */
  balance(now: number): number {
    const allowed = this.reserve + this.ratio * this.deposits.sum(now);
    return Math.max(0, Math.floor(allowed - this.withdrawals.sum(now)));
  }
}
