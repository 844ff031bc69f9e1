import type { Subscriber } from 'rxjs';
import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { CancellationListener } from '../context/cancellation.js';
import { DeadlineEntry } from '../context/deadlines.js';
import type { LoadSignal } from '../resilience/concurrency-limit.js';
import type { RetryProgress } from '../resilience/retry-policy.js';
import { decideRetry, endsRetriesUpstream, FIRST_ATTEMPT } from '../resilience/retry-policy.js';
import type { NodeTransport } from '../transport/node-transport.js';
import { EventLostError } from '../transport/node-transport.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { AdmissibleCall } from './admission.js';
import type { AbandonedOutcome, AttemptListener, FailedAttemptOutcome } from './attempt.js';
import { Attempt } from './attempt.js';
import type { AttemptFailure } from './attempt-failure.js';
import { errorOf, graverOf, loadSignalOf, wasNotProcessed } from './attempt-failure.js';
import type { CallPolicy } from './call-settings.js';
import type { WaitsFor } from './call-timer.js';
import { CallTimer } from './call-timer.js';
import { cancelled, clientClosed, deadlineExceeded, overloadedHere } from './failures.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { UpstreamNode } from './upstream-node.js';
import type { Upstream } from './upstream.js';

/** What an attempt is made for: which nodes it may go to depends on it. */
type Purpose =
  /** The first, or one after the call was certainly not processed: a node that has refused it will not do. */
  | 'first'
  /** It waited for a change: a node that refused it before may be another by now. */
  | 'resumed'
  /** A retry: another node first, the same one if there is no other. */
  | 'retry'
  /** Beside one that is silent: only another node will do. */
  | 'hedge';

/**
 * The life of one call, from subscription to settlement: deadline → admission → pick → attempt, on to another node while
 * it is certain that nothing was processed, again as the retry policy has it, and beside the first as hedging has it. It
 * settles exactly once, with one outcome, at the latest at its deadline.
 *
 * It is its own timer entry, queue entry, pick context and teardown, so that a call costs one object and each attempt
 * another.
 */
export class BalancedCall
  extends DeadlineEntry
  implements AttemptListener, AdmissibleCall, CancellationListener
{
  readonly pattern: unknown;
  /** The nodes that it need not be tried on again. */
  tried: Set<UpstreamNode> | undefined = undefined;
  deadline = Infinity;
  pendingIn: AdmissibleCall['pendingIn'] = null;
  pendingNext: AdmissibleCall['pendingNext'] = null;
  pendingPrevious: AdmissibleCall['pendingPrevious'] = null;

  private readonly policy: CallPolicy;
  private attempt: Attempt | undefined = undefined;
  /** Attempts before the current one, some of which may still be under way. */
  private earlier: Attempt[] | undefined = undefined;
  /** Attempts that are under way. */
  private running = 0;
  /** What the caller will hear of: the last failure of those that weigh most. */
  private failure: AttemptFailure | undefined = undefined;
  private progress: RetryProgress = FIRST_ATTEMPT;
  /** Ends the back-off, or the delay before a hedge: never both at once. */
  private timer: CallTimer | undefined = undefined;
  private startedAt = 0;
  /** When it took its place among the calls in flight; -1 while it has none. */
  private admittedAt = -1;
  private settled = false;
  private emitted = false;

  constructor(
    private readonly upstream: Upstream,
    private readonly request: OutgoingRequest,
    private readonly subscriber: Subscriber<unknown>,
  ) {
    super();
    this.pattern = request.pattern;
    this.policy = upstream.rules.policyOf(request);
  }

  start(): void {
    const { upstream, request } = this;
    const { context } = request;
    const { signal } = request.options;
    const now = upstream.now();
    this.startedAt = now;
    const { timeout } = this.policy;
    if (timeout > 0) this.deadline = now + timeout;
    const inherited = context?.deadline;
    if (inherited !== undefined && inherited < this.deadline) this.deadline = inherited;
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
    if (signal) {
      if (signal.aborted) {
        this.handleEvent();
        return;
      }
      signal.addEventListener('abort', this, { once: true });
    }
    // An event is done when it is handed over, whoever goes away then.
    if (context?.cancellation && request.kind === 'request') {
      if (context.cancellation.cancelled) {
        this.onCancelled(context.cancellation.reason);
        return;
      }
      context.cancellation.add(this);
    }
    if (this.deadline !== Infinity) upstream.deadlines.arm(this, this.deadline, now);
    // Most calls are sent in the instant in which they start: the clock need not be read again.
    const { admission } = upstream.rules;
    if (admission === undefined) this.dispatch(now, 'first');
    else if (admission.tryEnter()) this.admit(now);
    else admission.queueUp(this, now);
  }

  get hasPlace(): boolean {
    return this.admittedAt >= 0;
  }

  admit(now: number): void {
    // How long it has waited for its turn says nothing of the service.
    this.admittedAt = now;
    this.dispatch(now, this.attempt === undefined ? 'first' : 'resumed');
  }

  turnAway(): void {
    this.fail(overloadedHere(this.upstream.options.name, this.records()));
  }

  /** There may be a node now, or nothing to wait for any more: asked again after each change while the call waits. */
  resume(): void {
    if (this.settled) return;
    const now = this.upstream.now();
    if (this.hasPlace) this.admittedAt = now;
    this.dispatch(now, 'resumed');
  }

  /** The client has been closed and waits no longer. */
  cutOff(): void {
    this.fail(clientClosed(this.upstream.options.name, this.records()));
  }

  /** rxjs calls this when the caller unsubscribes, and once more after the call has settled. */
  unsubscribe(): void {
    this.settle('ignored', 'the caller unsubscribed');
  }

  onNext(attempt: Attempt, response: unknown, last: boolean): void {
    this.emitted = true;
    if (this.running > 1) this.prefer(attempt);
    if (last) {
      this.answered(attempt);
      if (!this.settle('answered')) return;
    }
    this.subscriber.next(response);
    if (last) this.subscriber.complete();
  }

  onComplete(attempt: Attempt): void {
    if (this.running > 1) this.prefer(attempt);
    this.answered(attempt);
    if (this.settle('answered')) this.subscriber.complete();
  }

  onError(attempt: Attempt, err: unknown, trailer: ReplyTrailer | undefined): void {
    this.answered(attempt);
    if (this.settled) return;
    // By default an error of the handler is the answer.
    if (this.policy.retry.retryOn === undefined || this.emitted) {
      if (this.running > 0) this.prefer(attempt);
      if (trailer?.retryAfter === 'never') this.endRetriesUpstream();
      this.fail(err, 'answered');
    } else this.failed({ attempt, outcome: 'answered-error', error: err, trailer });
  }

  onFailed(
    attempt: Attempt,
    outcome: FailedAttemptOutcome,
    cause: unknown,
    trailer: ReplyTrailer | undefined,
  ): void {
    const { upstream } = this;
    this.running--;
    upstream.attemptFailed(attempt, outcome);
    if (this.settled) return;
    // One that is about to stop cannot refuse it twice: as good as never sent.
    const draining = trailer?.refused === 'draining';
    this.failed({ attempt, outcome: draining ? 'refused' : outcome, error: cause, trailer });
  }

  override onDeadline(): void {
    const signal = this.running > 0 ? 'dropped' : 'ignored';
    const queued = this.upstream.rules.admission !== undefined && (this.pendingIn !== null || !this.hasPlace);
    if (this.settle(signal, 'no answer yet when the deadline passed', 'timed-out'))
      this.subscriber.error(this.deadlineError(queued));
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

  /** Pick a node, and send to it or wait for it. */
  private dispatch(now: number, purpose: Purpose): void {
    const { upstream } = this;
    if (this.deadline <= now) {
      this.onDeadline();
      return;
    }
    const { admission, nodeLimit } = upstream.rules;
    const node = upstream.cluster.pick(this, nodeLimit);
    // Whoever was told, while it was picked, that the cluster panics may have ended the call.
    if (this.settled) return;
    const barred = purpose === 'first' || purpose === 'hedge';
    if (node === undefined || (barred && this.tried?.has(node))) {
      if (purpose !== 'hedge') this.nobodyElse(node);
      return;
    }
    if (node.inFlight >= nodeLimit) {
      // One that waits already keeps its turn.
      if (purpose !== 'hedge' && this.pendingIn === null) admission?.queueUp(this, now);
      return;
    }
    if (purpose === 'hedge' && !this.mayHedge(now)) return;
    if (this.pendingIn !== null) admission?.remove(this);
    if (this.attempt) (this.earlier ??= []).push(this.attempt);
    const { transport } = node.handle.channel;
    const attempt = new Attempt(node, now, upstream.now, this);
    this.attempt = attempt;
    this.running++;
    if (transport) this.sendOn(attempt, transport, now, purpose);
    else
      node.handle.whenConnected((error, opened) => {
        if (opened) this.sendOn(attempt, opened, upstream.now(), purpose);
        else attempt.fail('refused', error ?? new Error('the connection went'));
      });
    if (this.policy.hedge !== undefined) this.armHedge(now);
  }

  private sendOn(attempt: Attempt, transport: NodeTransport, now: number, purpose: Purpose): void {
    if (this.settled || attempt.ended) return;
    if (this.deadline <= now) {
      this.onDeadline();
      return;
    }
    try {
      const remaining = this.deadline === Infinity ? undefined : this.deadline - now;
      const isRetry = purpose === 'hedge' || this.progress.retries > 0;
      const packet = this.upstream.buildPacket(this.request, remaining, isRetry);
      if (this.request.kind === 'request') attempt.sent(transport, transport.request(packet, attempt));
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
    if (attempt.ended) return;
    attempt.abandon('cancelled', 'the message could not be made');
    this.running--;
    if (this.settle('ignored', 'the message could not be made')) this.subscriber.error(error);
  }

  private failed(failure: AttemptFailure): void {
    const { upstream } = this;
    this.isTried(failure.attempt);
    this.failure = graverOf(this.failure, failure);
    // While another attempt is under way, that one may still be answered.
    if (this.running === 0) this.decide(failure);
    // Its node has room again.
    if (!this.settled) upstream.rules.admission?.admit(upstream.now());
  }

  /** What becomes of the call, now that its last attempt has failed. */
  private decide({ attempt, outcome, error, trailer }: AttemptFailure): void {
    const { upstream, policy, request } = this;
    this.disarm();
    if (upstream.ended) {
      this.nobodyLeft();
      return;
    }
    const now = upstream.now();
    const pushBack = trailer?.retryAfter;
    const decision = decideRetry(
      {
        outcome,
        error,
        pushBack,
        emitted: this.emitted,
        idempotent: this.isIdempotent(attempt.node),
        servesRetry: request.context?.isRetry ?? false,
        progress: this.progress,
        remaining: this.deadline - now,
      },
      policy.retry,
      { budget: upstream.rules.retryBudget, now, random: upstream.random },
    );
    switch (decision.kind) {
      case 'transparent':
        this.progress = decision.progress;
        this.dispatch(now, 'first');
        return;
      case 'retry':
        this.progress = decision.progress;
        this.arm(now, decision.delay, 'retry');
        upstream.retries(attempt, decision.progress.retries, decision.delay);
        return;
      case 'fail':
        if (endsRetriesUpstream(decision.reason) || pushBack === 'never') this.endRetriesUpstream();
        if (this.deadline <= now) this.onDeadline();
        else this.nobodyLeft();
    }
  }

  /** Whoever made the request that the call was made for is not to repeat it. */
  private endRetriesUpstream(): void {
    const { context } = this.request;
    if (context) context.retriesEnded = true;
  }

  /** The back-off is over, or the attempt has been silent for as long as hedging allows. */
  onTimer(reason: WaitsFor): void {
    if (this.settled) return;
    this.timer = undefined;
    if (reason === 'hedge') {
      if (this.emitted || this.attempt === undefined || this.running === 0) return;
      this.isTried(this.attempt);
    }
    this.dispatch(this.upstream.now(), reason);
  }

  private armHedge(now: number): void {
    const { hedge } = this.policy;
    const { node } = this.attempt as Attempt;
    if (this.settled || this.running === 0 || this.request.kind !== 'request') return;
    const servesRetry = this.request.context?.isRetry ?? false;
    if (!hedge?.applies({ idempotent: this.isIdempotent(node), servesRetry })) return;
    const delay = hedge.nextDelay(this.upstream.rules.latencies, now);
    if (delay !== undefined) this.arm(now, delay, 'hedge');
  }

  /** There is a node for it: does the budget allow it, too? */
  private mayHedge(now: number): boolean {
    const { attempt, upstream } = this;
    if (attempt === undefined) return false;
    const hedged = this.policy.hedge?.tryHedge(
      {
        idempotent: this.isIdempotent(attempt.node),
        emitted: this.emitted,
        servesRetry: this.request.context?.isRetry ?? false,
        attempts: 1 + (this.earlier?.length ?? 0),
        pushBack: undefined,
      },
      upstream.rules.retryBudget,
      now,
    );
    if (hedged === true) upstream.hedges(attempt);
    // Whoever was told of it may have ended the call.
    return hedged === true && !this.settled;
  }

  private arm(now: number, delay: number, reason: WaitsFor): void {
    this.disarm();
    this.timer = new CallTimer(this, reason);
    this.upstream.deadlines.arm(this.timer, now + delay, now);
  }

  private disarm(): void {
    if (this.timer) this.upstream.deadlines.disarm(this.timer);
    this.timer = undefined;
  }

  private isIdempotent(node: UpstreamNode): boolean {
    return this.policy.idempotent ?? this.upstream.rules.providerSaysIdempotent(node, this.pattern);
  }

  private isTried({ node }: Attempt): void {
    (this.tried ??= new Set()).add(node);
  }

  /** The attempt was answered, with whatever. */
  private answered(attempt: Attempt): void {
    this.running--;
    if (this.request.kind === 'request') this.upstream.rules.latency(attempt.took, this.upstream.now);
  }

  /** This attempt was answered first: the others are for nothing. */
  private prefer(attempt: Attempt): void {
    const { upstream } = this;
    this.disarm();
    this.abandonRunning('cancelled', 'another attempt was answered first', attempt);
    // Their nodes have room again.
    upstream.rules.admission?.admit(upstream.now());
  }

  /** Gives up the attempts that are under way, but for the preferred one. */
  private abandonRunning(outcome: AbandonedOutcome, reason: string, preferred?: Attempt): void {
    const { upstream, earlier = [], attempt: latest } = this;
    for (const attempt of latest ? [...earlier, latest] : earlier) {
      if (attempt === preferred || attempt.ended) continue;
      this.running--;
      attempt.abandon(outcome, reason);
      // Slow ones left out, the percentiles would come down and the hedges with them.
      if (outcome === 'timed-out' || preferred) upstream.rules.latency(attempt.took, upstream.now);
      if (outcome === 'timed-out') upstream.attemptFailed(attempt, outcome);
    }
  }

  /** There is no node, or only such (as `node`) as the call has been tried on. */
  private nobodyElse(node: UpstreamNode | undefined): void {
    const { upstream, failure } = this;
    upstream.rules.admission?.remove(this);
    // A node that is there, and did not just turn the connection down, may be tried again if the policy allows it.
    if (node !== undefined && failure !== undefined && failure.outcome !== 'refused') this.decide(failure);
    else if (this.mayWait()) upstream.wait(this);
    else this.nobodyLeft();
  }

  /** Nothing more is tried: the caller hears of it. */
  private nobodyLeft(): void {
    const { failure, upstream } = this;
    if (upstream.ended && (failure === undefined || wasNotProcessed(failure))) this.cutOff();
    else if (failure === undefined) this.fail(upstream.noNodes());
    else {
      const { name } = upstream.options;
      const error = errorOf(failure, name, this.records(), this.emitted, () => this.deadlineError());
      this.fail(error, loadSignalOf(failure));
    }
  }

  private mayWait(): boolean {
    const { upstream } = this;
    return (this.request.options.waitForReady ?? upstream.options.waitForReady) || upstream.worthWaiting;
  }

  private cancel(message: string, reason: unknown): void {
    if (!this.settle('ignored', 'the call was cancelled')) return;
    this.subscriber.error(cancelled(this.upstream.options.name, message, this.records(), reason));
  }

  private fail(error: unknown, signal: LoadSignal = 'ignored'): void {
    if (this.settle(signal)) this.subscriber.error(error);
  }

  /** The single gate of settlement: true the first time only. Attempts that are under way are given up for `reason`. */
  private settle(signal: LoadSignal, reason = '', outcome: AbandonedOutcome = 'cancelled'): boolean {
    if (this.settled) return false;
    this.settled = true;
    const { upstream, request } = this;
    if (this.deadline !== Infinity) upstream.deadlines.disarm(this);
    if (this.timer) this.disarm();
    request.options.signal?.removeEventListener('abort', this);
    request.context?.cancellation?.remove(this);
    // Before those who wait are asked whether their nodes have room.
    if (this.running > 0) this.abandonRunning(outcome, reason);
    if (upstream.rules.admission) this.leave(signal);
    upstream.callSettled(this);
    return true;
  }

  private leave(signal: LoadSignal): void {
    const { admission } = this.upstream.rules;
    const now = this.upstream.now();
    admission?.remove(this);
    if (this.admittedAt >= 0) admission?.leave(now, now - this.admittedAt, signal);
  }

  private deadlineError(queued = false): unknown {
    const { upstream } = this;
    const allowed = this.deadline - this.startedAt;
    return deadlineExceeded(upstream.options.name, allowed, this.records(), upstream.cluster.nodes, queued);
  }

  private records(): AttemptRecord[] {
    const records = this.earlier?.map((attempt) => attempt.record()) ?? [];
    if (this.attempt) records.push(this.attempt.record());
    return records;
  }
}
