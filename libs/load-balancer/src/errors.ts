import type { AttemptRecord } from './cluster/attempt-record.js';
import type { PickExplanation } from './cluster/pick-explanation.js';

/** The closed set of codes. A code never changes its meaning; new ones may be added in a minor release. */
export type ErrorCode =
  | 'NO_NODES'
  | 'CONNECT_FAILED'
  | 'CONNECTION_LOST'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'OVERLOADED'
  | 'CLIENT_CLOSED'
  | 'INVALID_OPTIONS';

/** Shared by every copy of this package in a process, so that `isLoadBalancerError` works across copies. */
const BRAND = Symbol.for('nestjs-load-balancer.error');

/** What is known of a call when it fails. */
export interface CallFailure {
  /** The service that was called. */
  service: string;
  /** One record for each node that was tried, in order. */
  attempts?: readonly AttemptRecord[];
  cause?: unknown;
}

/**
 * The base of every error this library raises itself. What a handler threw is not one of these: it reaches the
 * caller exactly as plain Nest would deliver it.
 *
 * @example
 * ```ts
 * catchError((error) => isLoadBalancerError(error) && error.code === 'NO_NODES' ? of(cached) : throwError(() => error))
 * ```
 */
export abstract class LoadBalancerError extends Error {
  abstract readonly code: ErrorCode;
  readonly service: string | undefined;
  readonly attempts: readonly AttemptRecord[];
  /**
   * What the last pick for the call went by, at that time; where there was none, how things stood at its end. Only there
   * with `explainErrors`.
   */
  declare explanation?: PickExplanation;

  constructor(message: string, failure?: CallFailure) {
    super(message, failure?.cause === undefined ? undefined : { cause: failure.cause });
    this.name = new.target.name;
    this.service = failure?.service;
    this.attempts = failure?.attempts ?? [];
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Is this one of our errors (of this or of another copy of the package)? */
export function isLoadBalancerError(error: unknown): error is LoadBalancerError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** No node could take the call: the service is empty, or every node is down. Nothing was sent. */
export class NoNodesError extends LoadBalancerError {
  readonly code = 'NO_NODES';
}

/** Every node that could be tried refused the connection. Nothing was sent, so the call is safe to repeat. */
export class ConnectFailedError extends LoadBalancerError {
  readonly code = 'CONNECT_FAILED';
}

/** The call was sent and the connection went before its answer came: whether it was processed is not known. */
export class ConnectionLostError extends LoadBalancerError {
  readonly code = 'CONNECTION_LOST';
}

/** The deadline passed before the call was settled. */
export class DeadlineExceededError extends LoadBalancerError {
  readonly code = 'DEADLINE_EXCEEDED';
}

/** The caller's `AbortSignal` ended the call. */
export class CancelledError extends LoadBalancerError {
  readonly code = 'CANCELLED';
}

/**
 * The service, or every node that was tried, has as much as it can take. Nothing was processed, so the call is safe to
 * repeat, later.
 */
export class OverloadedError extends LoadBalancerError {
  readonly code = 'OVERLOADED';
  /** Milliseconds after which there may be room, where a server said so. */
  readonly retryAfter: number | undefined;

  constructor(message: string, failure?: CallFailure & { retryAfter?: number | undefined }) {
    super(message, failure);
    this.retryAfter = failure?.retryAfter;
  }
}

/** The client was closed: it takes no calls until `connect()` is called again. */
export class ClientClosedError extends LoadBalancerError {
  readonly code = 'CLIENT_CLOSED';
}

/** One thing that is wrong with the options. */
export interface OptionsProblem {
  /** Where: `services.orders.connection.connectTimeout`. */
  path: string;
  /** What was expected and what was got, and the nearest known name where there is one. */
  message: string;
}

/**
 * The options (of the module, or of one call) are wrong. Every problem is listed, not just the first.
 *
 * Its message says all there is, so Node prints it without the fields; they are there to be read.
 */
export class InvalidOptionsError extends LoadBalancerError {
  readonly code = 'INVALID_OPTIONS';
  declare readonly problems: readonly OptionsProblem[];

  constructor(problems: readonly OptionsProblem[]) {
    super(
      problems.length === 1 && problems[0]
        ? `${problems[0].path}: ${problems[0].message}`
        : `${problems.length} problems with the load balancer's options:\n${problems
            .map((problem) => `  - ${problem.path}: ${problem.message}`)
            .join('\n')}`,
    );
    this.problems = problems;
    // Not a custom `inspect`: Node ignores that for an error that ends the process.
    for (const field of Object.keys(this)) Object.defineProperty(this, field, { enumerable: false });
  }
}
