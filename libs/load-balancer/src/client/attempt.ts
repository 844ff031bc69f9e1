import type { AttemptOutcome, AttemptRecord } from '../cluster/attempt-record.js';
import type { Outstanding } from '../cluster/outstanding.js';
import type { PushBack } from '../resilience/retry-backoff.js';
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
export class Attempt implements ReplyHandler, Outstanding {
  /** What it failed with. */
  cause: unknown = undefined;
  older: Outstanding | undefined = undefined;
  newer: Outstanding | undefined = undefined;
  inFlight = 0;

  private outcome: AttemptOutcome | undefined = undefined;
  private duration = 0;
  /** Milliseconds until the first answer of a stream. */
  private answeredAfter: number | undefined = undefined;
  private reason = '';
  /** Where it was sent, and what it is known by there. */
  private transport: NodeTransport | undefined = undefined;
  private request: RequestHandle = undefined;

  constructor(
    readonly node: UpstreamNode,
    readonly startedAt: number,
    private readonly now: () => number,
    private readonly listener: AttemptListener,
  ) {
    node.begin(this);
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
    else this.heard();
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
    if (!this.end(outcome, reason, trailer?.retryAfter)) return;
    this.cause = cause;
    this.listener.onFailed(this, outcome, cause, trailer);
  }

  /**
   * The call is over for another reason; a late answer is dropped. A server that understands it stops to work on what is
   * cancelled. What timed out it knows by itself, by the deadline that it was sent.
   *
   * What was never sent shows in the state of the connection, and a stream that is cut off in the middle shows a node that
   * answers: neither is held against the node.
   *
   * @param lagged it timed out while this process was busy: the answer may have come in time
   */
  abandon(outcome: AbandonedOutcome, reason: string, lagged = false): void {
    const nodeIsToBlame = !lagged && this.transport !== undefined && this.answeredAfter === undefined;
    if (this.end(outcome, reason, undefined, nodeIsToBlame ? outcome : 'cancelled'))
      this.transport?.forget(this.request, outcome === 'cancelled');
  }

  record(): AttemptRecord {
    return {
      node: this.node.key,
      outcome: this.outcome ?? 'cancelled',
      duration: this.outcome === undefined ? this.now() - this.startedAt : this.duration,
      reason: this.reason,
    };
  }

  /** A stream goes on for as long as it likes; how fast the node is shows in its first answer. */
  private heard(): void {
    if (this.answeredAfter !== undefined) return;
    this.answeredAfter = this.now() - this.startedAt;
    this.node.heard(this);
  }

  /** @param verdict what the node is told of it */
  private end(
    outcome: AttemptOutcome,
    reason = '',
    pushBack?: PushBack,
    verdict: AttemptOutcome = outcome,
  ): boolean {
    if (this.outcome !== undefined) return false;
    this.outcome = outcome;
    this.reason = reason;
    const now = this.now();
    this.duration = now - this.startedAt;
    const retryAfter = pushBack === 'never' ? undefined : pushBack;
    this.node.end(verdict, this.answeredAfter ?? this.duration, this, now, retryAfter);
    return true;
  }
}
