import type { Subscriber } from 'rxjs';
import type { AttemptRecord } from '../cluster/attempt-record.js';
import { CancelledError } from '../errors.js';
import { isTransparentRetry } from '../resilience/transparent-retry.js';
import { Attempt } from './attempt.js';
import type { AttemptListener } from './attempt.js';
import { DeadlineEntry } from './deadlines.js';
import { clientClosed, connectFailed, connectionLost, deadlineExceeded } from './failures.js';
import type { NodeTransport } from '../transport/node-transport.js';
import { EventLostError } from '../transport/node-transport.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { Upstream } from './upstream.js';
import type { UpstreamNode } from './upstream-node.js';

/**
 * The life of one call, from subscription to settlement: deadline → pick → attempt, and on to another node while it is
 * certain that nothing was processed. It settles exactly once, with one outcome, at the latest at its deadline.
 *
 * It is its own timer entry, pick context and teardown, so that a call costs one object and each attempt another.
 */
export class BalancedCall extends DeadlineEntry implements AttemptListener {
  readonly pattern: unknown;
  /** The nodes that refused it. */
  tried: Set<UpstreamNode> | undefined = undefined;

  private attempt: Attempt | undefined = undefined;
  /** Attempts before the current one. */
  private earlier: Attempt[] | undefined = undefined;
  private startedAt = 0;
  private deadline = Infinity;
  private settled = false;
  private emitted = false;

  constructor(
    private readonly upstream: Upstream,
    private readonly request: OutgoingRequest,
    private readonly subscriber: Subscriber<unknown>,
  ) {
    super();
    this.pattern = request.pattern;
  }

  start(): void {
    const { upstream, request } = this;
    const { signal } = request.options;
    upstream.callStarted();
    this.startedAt = upstream.now();
    const timeout = request.options.timeout ?? upstream.options.timeout;
    if (timeout > 0) this.deadline = this.startedAt + timeout;
    const inherited = request.context?.deadline;
    if (inherited !== undefined && inherited < this.deadline) this.deadline = inherited;
    if (upstream.closed) {
      this.fail(clientClosed(upstream.options.name));
      return;
    }
    if (this.deadline <= this.startedAt) {
      this.onDeadline();
      return;
    }
    if (signal) {
      if (signal.aborted) {
        this.handleEvent();
        return;
      }
      signal.addEventListener('abort', this, { once: true });
    }
    if (this.deadline !== Infinity) upstream.deadlines.arm(this, this.deadline, this.startedAt);
    // Most calls are sent in the instant in which they start: the clock need not be read again.
    this.dispatch(this.startedAt, false);
  }

  /** There may be a node now, or nothing to wait for any more: asked again after each change while the call waits. */
  resume(): void {
    // A node that refused it before the change may be another by now, and need not stay barred.
    if (!this.settled) this.dispatch(this.upstream.now(), true);
  }

  /** The client has been closed and waits no longer. */
  cutOff(): void {
    this.fail(clientClosed(this.upstream.options.name, this.records()));
  }

  /** rxjs calls this when the caller unsubscribes, and once more after the call has settled. */
  unsubscribe(): void {
    if (!this.settle()) return;
    this.attempt?.abandon('cancelled', 'the caller unsubscribed');
  }

  onNext(response: unknown, last: boolean): void {
    this.emitted = true;
    if (last && !this.settle()) return;
    this.subscriber.next(response);
    if (last) this.subscriber.complete();
  }

  onComplete(): void {
    if (this.settle()) this.subscriber.complete();
  }

  onError(err: unknown): void {
    this.fail(err);
  }

  onFailed(attempt: Attempt, outcome: 'refused' | 'lost', cause: unknown): void {
    const { upstream } = this;
    upstream.attemptFailed(attempt, outcome, cause);
    if (this.settled) return;
    if (!isTransparentRetry(outcome, this.emitted)) {
      this.fail(connectionLost(upstream.options.name, this.records(), cause));
      return;
    }
    (this.tried ??= new Set()).add(attempt.node);
    if (upstream.ended) this.cutOff();
    else this.dispatch(upstream.now(), false);
  }

  override onDeadline(): void {
    if (!this.settle()) return;
    const { attempt, upstream } = this;
    if (attempt) {
      attempt.abandon('timed-out', 'no answer yet when the deadline passed');
      upstream.attemptFailed(attempt, 'timed-out', undefined);
    }
    const allowed = this.deadline - this.startedAt;
    this.subscriber.error(deadlineExceeded(upstream.options.name, allowed, this.records()));
  }

  /** Pick a node, and send to it or wait for it. `again`: a node that refused the call is better than none. */
  private dispatch(now: number, again: boolean): void {
    const { upstream } = this;
    const node = upstream.cluster.pick(this);
    if (node === undefined || (!again && this.tried?.has(node))) {
      if (this.mayWait()) upstream.wait(this);
      else this.nobodyLeft();
      return;
    }
    if (this.attempt) (this.earlier ??= []).push(this.attempt);
    const { transport } = node.handle.channel;
    const attempt = new Attempt(node, now, upstream.now, this);
    this.attempt = attempt;
    if (transport) this.sendOn(attempt, transport, now);
    else
      node.handle.whenConnected((error, opened) => {
        if (opened) this.sendOn(attempt, opened, upstream.now());
        else attempt.fail('refused', error);
      });
  }

  private sendOn(attempt: Attempt, transport: NodeTransport, now: number): void {
    if (this.settled) return;
    try {
      const remaining = this.deadline === Infinity ? undefined : this.deadline - now;
      const packet = this.upstream.buildPacket(this.request, remaining);
      if (this.request.kind === 'request') attempt.sent(transport.request(packet, attempt));
      else
        transport.event(packet).then(
          (result) => attempt.handedOver(result),
          (error: unknown) => {
            if (error instanceof EventLostError) attempt.lost(error, error.sent);
            else this.unsendable(attempt, error);
          },
        );
    } catch (error) {
      this.unsendable(attempt, error);
    }
  }

  /** The user's hook or serializer threw: that is no node's fault, and another node would not help. */
  private unsendable(attempt: Attempt, error: unknown): void {
    attempt.abandon('cancelled', 'the message could not be made');
    this.fail(error);
  }

  private nobodyLeft(): void {
    const { attempt, upstream } = this;
    if (attempt) this.fail(connectFailed(upstream.options.name, this.records(), attempt.cause));
    else this.fail(upstream.noNodes());
  }

  private mayWait(): boolean {
    const { upstream } = this;
    return (this.request.options.waitForReady ?? upstream.options.waitForReady) || upstream.worthWaiting;
  }

  /** The call's signal was aborted. The call is the listener itself: a closure would cost every call. */
  handleEvent(): void {
    if (!this.settle()) return;
    this.attempt?.abandon('cancelled', 'the signal was aborted');
    const service = this.upstream.options.name;
    this.subscriber.error(
      new CancelledError(`${service}: the call was cancelled by its signal`, {
        service,
        attempts: this.records(),
        cause: this.request.options.signal?.reason as unknown,
      }),
    );
  }

  private fail(error: unknown): void {
    if (this.settle()) this.subscriber.error(error);
  }

  /** The single gate of settlement: true the first time only. */
  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    const { upstream } = this;
    if (this.deadline !== Infinity) upstream.deadlines.disarm(this);
    this.request.options.signal?.removeEventListener('abort', this);
    upstream.callSettled(this);
    return true;
  }

  private records(): AttemptRecord[] {
    const records = this.earlier?.map((attempt) => attempt.record()) ?? [];
    if (this.attempt) records.push(this.attempt.record());
    return records;
  }
}
