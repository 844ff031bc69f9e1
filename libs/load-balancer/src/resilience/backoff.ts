/** How long to wait between one failure and the next attempt. */
export interface Backoff {
  /** The first delay in milliseconds. */
  readonly initial: number;
  /** What the delay is multiplied by each time. */
  readonly multiplier: number;
  /** Share (0–1) by which each delay is moved at random, up or down. */
  readonly jitter: number;
  /** The longest delay in milliseconds, before jitter: at the limit, too, clients must not come all at once. */
  readonly max: number;
}

/** gRPC's connection back-off (grpc/doc/connection-backoff.md). */
export const DEFAULT_BACKOFF: Backoff = Object.freeze({
  initial: 1_000,
  multiplier: 1.6,
  jitter: 0.2,
  max: 120_000,
});

/**
 * The delay in milliseconds before another attempt: `initial × multiplier^attempt`, at most `max`, ± `jitter`.
 *
 * @param attempt 0 after the first failure, 1 after the second …
 * @param random uniform in [0, 1)
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: () => number): number {
  const delay = Math.min(backoff.initial * backoff.multiplier ** attempt, backoff.max);
  return delay * (1 + backoff.jitter * (2 * random() - 1));
}
