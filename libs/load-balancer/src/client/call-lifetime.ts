import { setMaxListeners } from 'node:events';
import type { Subscriber } from 'rxjs';
import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { PickExplanation } from '../cluster/pick-explanation.js';
import type { CancellationListener } from '../context/cancellation.js';
import { DeadlineEntry } from '../context/deadlines.js';
import { LoadBalancerError } from '../errors.js';
import type { LoadSignal } from '../resilience/concurrency-limit.js';
import type { AdmissibleCall } from './admission.js';
import type { AbandonedOutcome } from './attempt.js';
import type { CallPolicy } from './call-settings.js';
import { cancelled, clientClosed, deadlineExceeded, overloadedHere } from './failures.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { Upstream } from './upstream.js';

/**
 * When a call begins and how it ends, whatever is tried in between: its deadline, its signal, its place among the calls in
 * flight, and the one gate through which it settles exactly once.
 *
 * It is its own timer entry, queue entry and listener, so that none of these costs a further object. It is the base of
 * `BalancedCall` rather than a part of it for the same reason.
 */
export abstract class CallLifetime extends DeadlineEntry implements AdmissibleCall, CancellationListener {
  deadline = Infinity;
  pendingIn: AdmissibleCall['pendingIn'] = null;
  pendingNext: AdmissibleCall['pendingNext'] = null;
  pendingPrevious: AdmissibleCall['pendingPrevious'] = null;

  protected readonly policy: CallPolicy;
  protected settled = false;
  /** Attempts that are under way. */
  protected running = 0;

  private startedAt = 0;
  /** When it took its place among the calls in flight; -1 while it has none. */
  private admittedAt = -1;

  constructor(
    protected readonly upstream: Upstream,
    protected readonly request: OutgoingRequest,
    protected readonly subscriber: Subscriber<unknown>,
  ) {
    super();
    this.policy = upstream.rules.policyOf(request);
  }

  /** It may go to a node now; `again` when it was tried, or waited for a node, before. */
  protected abstract proceed(now: number, again: boolean): void;
  /** Gives up the attempts that are under way. */
  protected abstract abandonRunning(outcome: AbandonedOutcome, reason: string): void;
  protected abstract get hasBeenTried(): boolean;
  /** What the last pick went by; how things stand now, when there was none. */
  protected abstract explain(): PickExplanation;
  /** The attempts made so far. */
  protected abstract records(): AttemptRecord[];
  /** The error of an attempt that may have been processed: whoever repeats the call must know of it. */
  protected abstract doubtfulError(): unknown;
  /** Nothing waits for a timer of the call any more. */
  protected abstract disarm(): void;

  start(): void {
    const { upstream } = this;
    const now = upstream.now();
    this.startedAt = now;
    this.deadline = this.deadlineFrom(now);
    upstream.callStarted(this.deadline);
    upstream.rules.retryBudget.deposit(now);
    if (upstream.closed) {
      this.fail(clientClosed(upstream.options.name));
      return;
    }
    if (this.deadline <= now) {
      this.onDeadline();
      return;
    }
    if (!this.listen()) return;
    if (this.deadline !== Infinity) upstream.deadlines.arm(this, this.deadline, now);
    // Most calls are sent in the instant in which they start: the clock need not be read again.
    const { admission } = upstream.rules;
    if (admission === undefined) this.proceed(now, false);
    else if (admission.tryEnter()) this.admit(now);
    else admission.queueUp(this, now);
  }

  get hasPlace(): boolean {
    return this.admittedAt >= 0;
  }

  admit(now: number): void {
    // How long it has waited for its turn says nothing of the service.
    this.admittedAt = now;
    this.proceed(now, this.hasBeenTried);
  }

  turnAway(): void {
    this.fail(this.doubtfulError() ?? overloadedHere(this.upstream.options.name, this.records()));
  }

  /** There may be a node now, or nothing to wait for any more: asked again after each change while the call waits. */
  resume(): void {
    if (this.settled) return;
    const now = this.upstream.now();
    if (this.hasPlace) this.admittedAt = now;
    this.proceed(now, true);
  }

  /** The client has been closed and waits no longer. */
  cutOff(): void {
    this.fail(this.doubtfulError() ?? clientClosed(this.upstream.options.name, this.records()));
  }

  /** rxjs calls this when the caller unsubscribes, and once more after the call has settled. */
  unsubscribe(): void {
    this.settle('ignored', 'the caller unsubscribed');
  }

  override onDeadline(): void {
    const signal = this.running > 0 ? 'dropped' : 'ignored';
    const queued = this.upstream.rules.admission !== undefined && (this.pendingIn !== null || !this.hasPlace);
    const explanation = this.explains ? this.explain() : undefined;
    if (this.settle(signal, 'no answer yet when the deadline passed', 'timed-out'))
      this.subscriber.error(explained(this.deadlineError(queued), explanation));
  }

  /** The call's signal was aborted. The call is the listener itself: a closure would cost every call. */
  handleEvent(): void {
    this.cancel('the call was cancelled by its signal', this.request.options.signal?.reason);
  }

  /** The request that it was made for was cancelled. */
  onCancelled(reason: unknown): void {
    // What ends a request at its deadline ends it for the calls that inherited it, too.
    if (this.deadline <= this.upstream.now()) this.onDeadline();
    else this.cancel('the request that the call was made for was cancelled', reason);
  }

  protected fail(error: unknown, signal: LoadSignal = 'ignored'): void {
    const explanation = this.explains ? this.explain() : undefined;
    if (this.settle(signal)) this.subscriber.error(explained(error, explanation));
  }

  /** Is its error to tell what the pick went by? */
  protected get explains(): boolean {
    return this.request.options.explainErrors ?? this.upstream.options.explainErrors;
  }

  /** The single gate of settlement: true the first time only. Attempts that are under way are given up for `reason`. */
  protected settle(signal: LoadSignal, reason = '', outcome: AbandonedOutcome = 'cancelled'): boolean {
    if (this.settled) return false;
    this.settled = true;
    const { upstream, request } = this;
    if (this.deadline !== Infinity) upstream.deadlines.disarm(this);
    this.disarm();
    request.options.signal?.removeEventListener('abort', this);
    request.context?.cancellation?.remove(this);
    // Before those who wait are asked whether their nodes have room.
    if (this.running > 0) this.abandonRunning(outcome, reason);
    if (upstream.rules.admission) this.leave(signal);
    upstream.callSettled(this);
    return true;
  }

  protected deadlineError(queued = false): unknown {
    const { upstream } = this;
    const allowed = this.deadline - this.startedAt;
    return deadlineExceeded(upstream.options.name, allowed, this.records(), upstream.cluster.nodes, queued);
  }

  /** The nearest of its own and the inherited one. */
  private deadlineFrom(now: number): number {
    const { timeout } = this.policy;
    const own = timeout > 0 ? now + timeout : Infinity;
    const inherited = this.request.context?.deadline;
    return inherited !== undefined && inherited < own ? inherited : own;
  }

  /** Listens to whatever may cancel it. Returns false when something has already. */
  private listen(): boolean {
    const { kind, context, options } = this.request;
    const { signal } = options;
    if (signal) {
      if (signal.aborted) {
        this.handleEvent();
        return false;
      }
      mayHaveManyListeners(signal);
      signal.addEventListener('abort', this, { once: true });
    }
    // An event is done when it is handed over, whoever goes away then.
    if (context?.cancellation && kind === 'request') {
      if (context.cancellation.cancelled) {
        this.onCancelled(context.cancellation.reason);
        return false;
      }
      context.cancellation.add(this);
    }
    return true;
  }

  private cancel(message: string, reason: unknown): void {
    if (!this.settle('ignored', 'the call was cancelled')) return;
    this.subscriber.error(cancelled(this.upstream.options.name, message, this.records(), reason));
  }

  private leave(signal: LoadSignal): void {
    const { admission } = this.upstream.rules;
    const now = this.upstream.now();
    admission?.remove(this);
    if (this.admittedAt >= 0) admission?.leave(now, now - this.admittedAt, signal);
  }
}

/** Errors of handlers are theirs. */
function explained(error: unknown, explanation: PickExplanation | undefined): unknown {
  if (explanation !== undefined && error instanceof LoadBalancerError) error.explanation = explanation;
  return error;
}

/** A signal may well be shared by more calls than the ten listeners that Node takes for a leak. */
function mayHaveManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(Infinity, signal);
  } catch {
    // A polyfill's, which counts nothing.
  }
}
