import type { AttemptOutcome } from './attempt-record.js';

/** Linkerd's load biaser: a node that fails at once must not look like the fastest of all. */
const LEAST_PENALTY = 5_000;
/** No server can send its clients away for longer. */
const GREATEST_PENALTY = 300_000;

/** How an attempt ends that counts against its node. */
export type FailureOutcome = Exclude<AttemptOutcome, 'answered' | 'sent' | 'cancelled'>;

/**
 * The latency in milliseconds that a failed attempt stands for.
 *
 * @param duration how long the attempt took
 * @param retryAfter when the server said to come back, in milliseconds
 */
export function failurePenalty(outcome: FailureOutcome, duration: number, retryAfter = 0): number {
  if (outcome === 'timed-out') return duration;
  return Math.max(duration, Math.min(Math.max(retryAfter, LEAST_PENALTY), GREATEST_PENALTY));
}
