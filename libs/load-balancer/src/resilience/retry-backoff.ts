/** How long to wait before a retry. */
export interface RetryBackoff {
  /** The longest delay before the first retry, in milliseconds. */
  readonly initial: number;
  /** What it is multiplied by for each further one. */
  readonly multiplier: number;
  /** Where it stops growing, in milliseconds. */
  readonly max: number;
}

/** 50 ms × 2; the maximum is that of gRFC A6's example. */
export const DEFAULT_RETRY_BACKOFF: RetryBackoff = Object.freeze({ initial: 50, multiplier: 2, max: 1_000 });

/** What a server says of when to come back: after so many milliseconds, or not at all. */
export type PushBack = number | 'never';

/** gRFC A6 sends a signed 32-bit integer; it is also the longest that timers know. */
const LONGEST_PUSH_BACK = 2_147_483_647;
const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,9})$/;

/**
 * Reads a server's push-back, which is untrusted: milliseconds as a number or as its decimal text. Whatever else it sends
 * (a negative number, a date, `null`) means *do not retry*, as in gRFC A6: a server that tried to say something about
 * retries is in no state to be retried at once. `undefined` when it said nothing.
 */
export function parsePushBack(value: unknown): PushBack | undefined {
  if (value === undefined) return undefined;
  const delay = typeof value === 'string' && WHOLE_NUMBER.test(value) ? Number(value) : value;
  return typeof delay === 'number' && delay >= 0 && delay <= LONGEST_PUSH_BACK ? delay : 'never';
}

/** Milliseconds below which an attempt is not worth its load: nothing is answered in less across a network. */
const SHORTEST_ATTEMPT = 1;

/**
 * Milliseconds to wait before a retry, or `undefined` when no attempt fits in behind it: the caller then hears of the
 * failure at once rather than of its deadline later.
 *
 * Without push-back it is uniform in [0, min(max, initial × multiplier^step)], "full jitter" (AWS, *Exponential Backoff
 * And Jitter*): callers that failed together come back spread over the whole interval. The interval ends where the
 * deadline leaves no room. A push-back is obeyed to the millisecond: the server has spread its own.
 *
 * @param step 0 before the first retry, 1 before the second …
 * @param remaining milliseconds until the deadline, `Infinity` when there is none
 * @param random uniform in [0, 1)
 */
export function retryDelay(
  { initial, multiplier, max }: RetryBackoff,
  step: number,
  remaining: number,
  random: () => number,
  pushBack?: number,
): number | undefined {
  const room = remaining - SHORTEST_ATTEMPT;
  if (room < (pushBack ?? 0)) return undefined;
  return pushBack ?? random() * Math.min(max, initial * multiplier ** step, room);
}
