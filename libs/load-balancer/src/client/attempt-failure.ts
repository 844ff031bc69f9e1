import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { LoadSignal } from '../resilience/concurrency-limit.js';
import type { FailedOutcome } from '../resilience/retry-policy.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { Attempt } from './attempt.js';
import { connectFailed, connectionLost, overloaded, refusedByDraining } from './failures.js';

/** How an attempt failed, and what its server said of it. */
export interface AttemptFailure {
  readonly attempt: Attempt;
  readonly outcome: FailedOutcome;
  readonly error: unknown;
  readonly trailer: ReplyTrailer | undefined;
}

/** What outweighs what: an error must not say that nothing was processed when an earlier attempt may have been. */
const WEIGHT: Readonly<Record<FailedOutcome, number>> = {
  refused: 0,
  rejected: 1,
  lost: 2,
  'timed-out': 2,
  'answered-error': 2,
};

/** Of two failures of one call, the one to tell of: the later one, unless the earlier one says more. */
export function graverOf(earlier: AttemptFailure | undefined, later: AttemptFailure): AttemptFailure {
  return earlier !== undefined && WEIGHT[earlier.outcome] > WEIGHT[later.outcome] ? earlier : later;
}

/** Is it certain that no handler ran? */
export function wasNotProcessed({ outcome }: AttemptFailure): boolean {
  return WEIGHT[outcome] < WEIGHT.lost;
}

/** What the failure says of the service's load. */
export function loadSignalOf({ outcome, trailer }: AttemptFailure): LoadSignal {
  if (outcome === 'answered-error') return 'answered';
  return trailer?.refused === undefined || trailer.refused === 'draining' ? 'ignored' : 'dropped';
}

/**
 * The error that a call ends with.
 *
 * @param emitted has the caller seen a part of the answer, so that something was processed for sure?
 * @param deadlineError made only when a server says that the deadline had passed
 */
export function errorOf(
  { attempt, outcome, error, trailer }: AttemptFailure,
  service: string,
  records: readonly AttemptRecord[],
  emitted: boolean,
  deadlineError: () => unknown,
): unknown {
  if (outcome === 'answered-error') return error;
  switch (trailer?.refused) {
    case 'overloaded':
      return overloaded(service, records, trailer.retryAfter);
    case 'draining':
      return refusedByDraining(service, records);
    case 'expired':
      return deadlineError();
    case undefined:
      return outcome === 'refused' && !emitted
        ? connectFailed(service, records, attempt.cause)
        : connectionLost(service, records, error);
  }
}
