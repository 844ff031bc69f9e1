import type { ConcurrencyLimit } from './concurrency-limit.js';
import { SlidingCount } from './sliding-count.js';

/**
 * How much of the limit each priority may fill, from priority 0 (the most important, and the default of a pattern)
 * downwards. Four, like the criticalities of Google's *Handling Overload* (SRE book, chapter 21), a tenth apart: with
 * less than 70 % in use nobody is refused, and the last tenth belongs to what matters most.
 */
export const DEFAULT_SHARES: readonly number[] = Object.freeze([1, 0.9, 0.8, 0.7]);

/** A request that was not admitted: no handler ran. */
export interface Refusal {
  /** Whole milliseconds after which there may be room: the push-back for the client. */
  readonly retryAfter: number;
}

/** Milliseconds over which requests that end, and that are refused, are counted. */
const RATE_WINDOW = 1_000;
/** No sooner than the client's own first back-off. */
const SHORTEST_RETRY_AFTER = 50;
/** The default timeout of a call: nobody waits longer, and who would is told so at once by its own deadline. */
const LONGEST_RETRY_AFTER = 5_000;

/**
 * Decides on the server which requests are admitted: the fuller the limit, the more important they must be. At least one
 * is admitted whatever its priority, or a small limit would shut some out for ever.
 *
 * A refusal tells when to come back: as soon as what is too much and all that were refused in the last second could have
 * been served, at the rate of that second. Each is told another moment, 50–150 % of that and never
 * more than 5 s, so that they do not come back at once.
 */
export class PriorityShedding {
  private readonly ended = new SlidingCount(RATE_WINDOW);
  private readonly refused = new SlidingCount(RATE_WINDOW);

  /**
   * @param random uniform in [0, 1)
   * @param shares of the limit (0–1) by priority, none above the one before
   */
  constructor(
    private readonly random: () => number,
    private readonly shares: readonly number[] = DEFAULT_SHARES,
  ) {}

  /**
   * `undefined`: it is admitted.
   *
   * @param priority 0 for the most important; one beyond the last counts as the last
   */
  check(
    load: Pick<ConcurrencyLimit, 'limit' | 'inFlight'>,
    priority: number,
    now: number,
  ): Refusal | undefined {
    const share = this.shares[Math.min(priority, this.shares.length - 1)] ?? 1;
    const allowed = Math.max(1, Math.floor(load.limit * share));
    if (load.inFlight < allowed) return undefined;
    this.refused.add(1, now);
    return { retryAfter: this.retryAfter(load.inFlight - allowed, now) };
  }

  /** A request that was admitted has ended. */
  onEnd(now: number): void {
    this.ended.add(1, now);
  }

  private retryAfter(excess: number, now: number): number {
    const waiting = excess + this.refused.sum(now);
    // Nothing has ended: waiting / 0 is Infinity, and so the longest.
    const drained = (waiting * RATE_WINDOW) / this.ended.sum(now);
    const delay = Math.min(Math.max(drained, SHORTEST_RETRY_AFTER), LONGEST_RETRY_AFTER);
    const [earliest, latest] = [delay * 0.5, Math.min(delay * 1.5, LONGEST_RETRY_AFTER)];
    return Math.ceil(earliest + (latest - earliest) * this.random());
  }
}
