import type { AttemptOutcome } from './attempt-record.js';

/** Linkerd's load biaser: a node that fails at once must not look like the fastest of all. */
const LEAST_PENALTY = 5_000;
/** No server can send its clients away for longer. */
const GREATEST_PENALTY = 300_000;

/**
 * The latency in milliseconds that the end of an attempt stands for; `undefined` when it tells nothing of the node.
 *
 * @param duration how long the attempt took
 * @param retryAfter when the server said to come back, in milliseconds
 */
export function observedLatency(
  outcome: AttemptOutcome,
  duration: number,
  retryAfter = 0,
): number | undefined {
  switch (outcome) {
    case 'answered':
    case 'timed-out':
      return duration;
    case 'refused':
    case 'rejected':
    case 'lost':
      return Math.max(duration, Math.min(Math.max(retryAfter, LEAST_PENALTY), GREATEST_PENALTY));
    case 'sent':
    case 'cancelled':
      return undefined;
  }
}
