import type { AttemptOutcome, AttemptRecord } from '../cluster/attempt-record.js';
import type { UpstreamNode } from './upstream-node.js';
import type { CancelRequest, ReplyHandler } from '../transport/node-transport.js';
import { reasonOf } from '../transport/reason.js';

/** What an attempt tells its call. */
export interface AttemptListener {
  onNext(response: unknown, last: boolean): void;
  onComplete(): void;
  onError(err: unknown): void;
  /** It failed on this node: `refused` is certainly not processed, `lost` may have been. */
  onFailed(attempt: Attempt, outcome: 'refused' | 'lost', cause: unknown): void;
}

/**
 * One try of a call on one node, and the lease on that node: it begins with the attempt and ends exactly once, with one
 * outcome, whichever of answer, loss, deadline and cancellation comes first.
 */
export class Attempt implements ReplyHandler {
  private cancelRequest: CancelRequest | undefined;
  private outcome: AttemptOutcome | undefined;
  private duration = 0;
  private reason = '';
  /** What it failed with. */
  cause: unknown = undefined;

  constructor(
    readonly node: UpstreamNode,
    private readonly startedAt: number,
    private readonly now: () => number,
    private readonly listener: AttemptListener,
  ) {
    node.begin();
  }

  /** The request is on its way; `cancel` makes the transport forget it. */
  sent(cancel: CancelRequest): void {
    if (this.outcome === undefined) this.cancelRequest = cancel;
    else cancel();
  }

  next(response: unknown, last: boolean): void {
    if (this.outcome !== undefined) return;
    if (last) this.end('answered');
    this.listener.onNext(response, last);
  }

  /** An event is on its way; that is all there is to know. */
  handedOver(result: unknown): void {
    if (this.end('sent')) this.listener.onNext(result, true);
  }

  complete(): void {
    if (this.end('answered')) this.listener.onComplete();
  }

  error(err: unknown): void {
    if (this.end('answered', 'the handler failed')) this.listener.onError(err);
  }

  lost(cause: Error, sent: boolean): void {
    this.fail(sent ? 'lost' : 'refused', cause);
  }

  /** It could not be sent, or what was sent may be lost. */
  fail(outcome: 'refused' | 'lost', cause: unknown): void {
    if (!this.end(outcome, reasonOf(cause))) return;
    this.cause = cause;
    this.listener.onFailed(this, outcome, cause);
  }

  /** The call is over for another reason; a late answer is dropped. */
  abandon(outcome: 'timed-out' | 'cancelled', reason: string): void {
    if (this.end(outcome, reason)) this.cancelRequest?.();
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
