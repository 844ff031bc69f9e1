import type { AttemptOutcome, AttemptRecord } from '../cluster/attempt-record.js';
import type { NodeTransport, ReplyHandler, RequestHandle } from '../transport/node-transport.js';
import { reasonOf } from '../transport/reason.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { UpstreamNode } from './upstream-node.js';

/** How an attempt can fail without an answer of the handler. */
export type FailedAttemptOutcome = 'refused' | 'rejected' | 'lost';

/** How an attempt ends that its call gives up. */
export type AbandonedOutcome = 'timed-out' | 'cancelled';

/** What an attempt tells its call. */
export interface AttemptListener {
  onNext(attempt: Attempt, response: unknown, last: boolean): void;
  onComplete(attempt: Attempt): void;
  /** The handler's error. */
  onError(attempt: Attempt, err: unknown, trailer: ReplyTrailer | undefined): void;
  /** It failed on this node: `refused` and `rejected` are certainly not processed, `lost` may have been. */
  onFailed(
    attempt: Attempt,
    outcome: FailedAttemptOutcome,
    cause: unknown,
    trailer: ReplyTrailer | undefined,
  ): void;
}

/**
 * One try of a call on one node, and the lease on that node: it begins with the attempt and ends exactly once, with one
 * outcome, whichever of answer, refusal, loss, deadline and cancellation comes first.
 */
export class Attempt implements ReplyHandler {
  /** What it failed with. */
  cause: unknown = undefined;

  private outcome: AttemptOutcome | undefined = undefined;
  private duration = 0;
  private reason = '';
  /** Where it was sent, and what it is known by there. */
  private transport: NodeTransport | undefined = undefined;
  private request: RequestHandle = undefined;

  constructor(
    readonly node: UpstreamNode,
    private readonly startedAt: number,
    private readonly now: () => number,
    private readonly listener: AttemptListener,
  ) {
    node.begin();
  }

  get ended(): boolean {
    return this.outcome !== undefined;
  }

  /** Milliseconds it took; 0 until it has ended. */
  get took(): number {
    return this.duration;
  }

  /** The request is on its way. */
  sent(transport: NodeTransport, request: RequestHandle): void {
    if (this.outcome !== undefined) {
      transport.forget(request, true);
      return;
    }
    this.transport = transport;
    this.request = request;
  }

  next(response: unknown, last: boolean): void {
    if (this.outcome !== undefined) return;
    if (last) this.end('answered');
    this.listener.onNext(this, response, last);
  }

  /** An event is on its way; that is all there is to know. */
  handedOver(result: unknown): void {
    if (this.end('sent')) this.listener.onNext(this, result, true);
  }

  complete(): void {
    if (this.end('answered')) this.listener.onComplete(this);
  }

  error(err: unknown, trailer?: ReplyTrailer): void {
    if (trailer?.refused !== undefined) this.fail('rejected', err, trailer);
    else if (this.end('answered', 'the handler failed')) this.listener.onError(this, err, trailer);
  }

  lost(cause: Error, sent: boolean): void {
    this.fail(sent ? 'lost' : 'refused', cause);
  }

  /** It could not be sent, was refused, or what was sent may be lost. */
  fail(outcome: FailedAttemptOutcome, cause: unknown, trailer?: ReplyTrailer): void {
    const reason = outcome === 'rejected' ? `the server is ${String(trailer?.refused)}` : reasonOf(cause);
    if (!this.end(outcome, reason)) return;
    this.cause = cause;
    this.listener.onFailed(this, outcome, cause, trailer);
  }

  /**
   * The call is over for another reason; a late answer is dropped. A server that understands it stops to work on what is
   * cancelled. What timed out it knows by itself, by the deadline that it was sent.
   */
  abandon(outcome: AbandonedOutcome, reason: string): void {
    if (this.end(outcome, reason)) this.transport?.forget(this.request, outcome === 'cancelled');
  }

  record(): AttemptRecord {
    return {
      node: this.node.key,
      outcome: this.outcome ?? 'cancelled',
      duration: this.outcome === undefined ? this.now() - this.startedAt : this.duration,
      reason: this.reason,
    };
  }

  private end(outcome: AttemptOutcome, reason = ''): boolean {
    if (this.outcome !== undefined) return false;
    this.outcome = outcome;
    this.reason = reason;
    this.duration = this.now() - this.startedAt;
    this.node.end(outcome, this.duration);
    return true;
  }
}
