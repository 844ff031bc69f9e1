import type { PushBack, RetryBackoff } from './retry-backoff.js';
import { retryDelay } from './retry-backoff.js';
import type { RetryBudget } from './retry-budget.js';

/** How an attempt failed, by what is known of its handler. */
export type FailedOutcome =
  /** Never sent: the connection was refused, or the message never written. */
  | 'refused'
  /** The server answered that it will not serve it, before any handler ran. */
  | 'rejected'
  /** Sent, then the connection went: it may have been processed. */
  | 'lost'
  /** Sent, no answer in time: it may have been processed. */
  | 'timed-out'
  /** The handler answered with an error. */
  | 'answered-error';

/**
 * Which failures of idempotent calls are retried: by code, or by a predicate. It is the whole choice, as in Envoy and
 * gRPC: what it leaves out is not retried. The codes are `CONNECTION_LOST` and `DEADLINE_EXCEEDED` (of an attempt), and
 * for a handler's error its own `code`.
 *
 * A predicate that throws counts as `false`: the caller is to hear of the failure, not of the predicate.
 */
export type RetryOn = readonly string[] | ((error: unknown, code: string | undefined) => boolean);

export interface RetryPolicy {
  /** Attempts for a call, the first one included; at most `MOST_ATTEMPTS`, 1 for no retries. Transparent ones do not count. */
  readonly maxAttempts: number;
  /** `undefined`: lost and timed-out attempts, no errors of handlers. */
  readonly retryOn: RetryOn | undefined;
  readonly backoff: RetryBackoff;
}

/** gRFC A6 takes no more, and each doubles the longest wait. */
export const MOST_ATTEMPTS = 5;

/** What has been done for a call so far. Each decision gives the next one. */
export interface RetryProgress {
  /** Retries, without the transparent ones. */
  readonly retries: number;
  /** Has it used its one transparent retry after a server's refusal? */
  readonly rejected: boolean;
  /** Retries since the last push-back: the exponent of the back-off. */
  readonly backoffStep: number;
}

export const FIRST_ATTEMPT: RetryProgress = Object.freeze({ retries: 0, rejected: false, backoffStep: 0 });

/** All that a decision rests on. */
export interface FailedAttempt {
  readonly outcome: FailedOutcome;
  readonly error: unknown;
  /** What the server said of retries in its answer. */
  readonly pushBack: PushBack | undefined;
  /** Has the caller seen a part of the answer? */
  readonly emitted: boolean;
  readonly idempotent: boolean;
  /** Is the request that this process is serving, and that the call is made for, a retry itself? */
  readonly servesRetry: boolean;
  readonly progress: RetryProgress;
  /** Milliseconds until the call's deadline, `Infinity` when there is none. */
  readonly remaining: number;
}

/** Why a call is not tried again. */
export type NoRetryReason =
  | 'deadline'
  | 'emitted'
  | 'not-idempotent'
  | 'not-retryable'
  | 'push-back'
  | 'serves-retry'
  | 'attempts'
  | 'budget';

export type RetryDecision =
  | { readonly kind: 'fail'; readonly reason: NoRetryReason }
  /** At once, on another node; no attempt and no budget is used up. */
  | { readonly kind: 'transparent'; readonly progress: RetryProgress }
  /** After `delay` milliseconds, marked as a retry. It has been paid for. */
  | { readonly kind: 'retry'; readonly delay: number; readonly progress: RetryProgress };

export interface RetryDeps {
  readonly budget: Pick<RetryBudget, 'tryWithdraw'>;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * What becomes of a call after an attempt has failed. It has one effect: a retry is withdrawn from the budget, last of
 * all, so that what fails for another reason costs nothing.
 *
 * Transparent retries are gRPC's (gRFC A6), not Finagle's. What was never sent goes on to another node without limit: it
 * cost no server anything, and there are only so many nodes. What a server refused goes on once for free, since that
 * refusal did cost something; after that the policy decides, and as no handler ran it need not be idempotent. Finagle
 * pays for both out of the budget: then a restart of one busy node, which refuses many calls at once, would fail those
 * that the budget does not cover. A refusal with push-back is overload rather than a restart, and is never free.
 *
 * A call that serves a retry makes none of its own: attempts do not multiply with the depth of the calls. Its transparent
 * ones go on, since they make no handler run more often.
 */
export function decideRetry(failed: FailedAttempt, policy: RetryPolicy, deps: RetryDeps): RetryDecision {
  const { outcome, pushBack, progress, remaining } = failed;
  if (failed.emitted) return fail('emitted');
  if (remaining <= 0) return fail('deadline');
  if (outcome === 'refused') return { kind: 'transparent', progress };
  if (outcome === 'rejected') {
    if (pushBack === undefined && !progress.rejected) {
      return { kind: 'transparent', progress: { ...progress, rejected: true } };
    }
  } else {
    if (!failed.idempotent) return fail('not-idempotent');
    if (!isRetryable(outcome, failed.error, policy.retryOn)) return fail('not-retryable');
  }
  if (pushBack === 'never') return fail('push-back');
  if (failed.servesRetry) return fail('serves-retry');
  const retries = progress.retries + 1;
  if (retries >= policy.maxAttempts) return fail('attempts');
  const delay = retryDelay(policy.backoff, progress.backoffStep, remaining, deps.random, pushBack);
  if (delay === undefined) return fail('deadline');
  if (!deps.budget.tryWithdraw(deps.now)) return fail('budget');
  // After a push-back the back-off begins anew (gRFC A6).
  const backoffStep = pushBack === undefined ? progress.backoffStep + 1 : 0;
  return { kind: 'retry', delay, progress: { ...progress, retries, backoffStep } };
}

/**
 * Should the server that made this call, and fails for it, tell its own caller not to retry? Yes once this level has
 * retried or was not allowed to: only the level right above the trouble retries (Google SRE, *Handling Overload*). With
 * budgets and marks alone, three levels would still add a fifth each.
 */
export function endsRetriesUpstream(reason: NoRetryReason): boolean {
  switch (reason) {
    case 'push-back':
    case 'serves-retry':
    case 'attempts':
    case 'budget':
      return true;
    case 'deadline':
    case 'emitted':
    case 'not-idempotent':
    case 'not-retryable':
      return false;
  }
}

function fail(reason: NoRetryReason): RetryDecision {
  return { kind: 'fail', reason };
}

type SelectableOutcome = Exclude<FailedOutcome, 'refused' | 'rejected'>;

function isRetryable(outcome: SelectableOutcome, error: unknown, retryOn: RetryOn | undefined): boolean {
  // By outcome and not by code: a handler may well answer with a `CONNECTION_LOST` of its own.
  if (retryOn === undefined) return outcome !== 'answered-error';
  const code = codeOf(outcome, error);
  if (typeof retryOn !== 'function') return code !== undefined && retryOn.includes(code);
  try {
    return retryOn(error, code);
  } catch {
    return false;
  }
}

function codeOf(outcome: SelectableOutcome, error: unknown): string | undefined {
  switch (outcome) {
    case 'lost':
      return 'CONNECTION_LOST';
    case 'timed-out':
      return 'DEADLINE_EXCEEDED';
    case 'answered-error': {
      const code = (error as { code?: unknown } | null | undefined)?.code;
      return typeof code === 'string' ? code : undefined;
    }
  }
}
