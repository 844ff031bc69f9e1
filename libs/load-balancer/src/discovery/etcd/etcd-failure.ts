import {
  EtcdAuthenticationFailedError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  EtcdUserNotFoundError,
  GRPCDeadlineExceededError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCUnauthenticatedError,
} from 'etcd3';
import { oneLine } from '../../safe-text.js';
import type { Backoff } from '../../resilience/backoff.js';

/** What went wrong between us and etcd. */
export interface EtcdFailure {
  readonly reason: string;
  /** It will not pass by itself: a wrong password, a missing permission. */
  readonly refused: boolean;
}

/** A registry that is away is looked for often, so that nodes which came meanwhile are known within seconds of its return. */
const UNREACHABLE: Backoff = Object.freeze({ initial: 200, multiplier: 1.6, jitter: 0.3, max: 2_000 });
/** Checking a password is expensive for etcd. */
const REFUSED: Backoff = Object.freeze({ initial: 1_000, multiplier: 1.6, jitter: 0.3, max: 30_000 });

export function backoffAfter({ refused }: EtcdFailure): Backoff {
  return refused ? REFUSED : UNREACHABLE;
}

/** gRPC's "14 UNAVAILABLE: ", and the name of a class that etcd3 writes before it. */
const PREFIX = /^(?:Error: |\w*Error: )?(?:\d+ [A-Z_]+: )?/;
const REFUSALS = [
  EtcdAuthenticationFailedError,
  EtcdPermissionDeniedError,
  EtcdUserNotFoundError,
  GRPCUnauthenticatedError,
  GRPCInvalidArgumentError,
  GRPCFailedPreconditionError,
];

/** The lease has run out, or was revoked. */
export function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError;
}

/** In words for an operator, without what changes from time to time, so that one failure is told once. */
export function describeEtcdFailure(error: unknown): EtcdFailure {
  if (!(error instanceof Error)) return { reason: 'failed without an error', refused: false };
  return { reason: reasonOf(error), refused: REFUSALS.some((type) => error instanceof type) };
}

function reasonOf(error: Error): string {
  const text = error.message.replace(PREFIX, '');
  if (error instanceof GRPCDeadlineExceededError) return 'etcd did not answer in time';
  // "No connection established. Last error: connect ECONNREFUSED 127.0.0.1:2379 (2026-01-31T09:00:00.000Z). Resolution note: "
  const last = /Last error: (.*?)(?: \(\d{4}-[^)]*\))?(?:\. Resolution note:.*)?$/s.exec(text)?.[1];
  return oneLine((last ?? text).replace(/^Error: /, '').trim() || error.constructor.name, 300);
}
