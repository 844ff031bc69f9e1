import type { Subscriber } from 'rxjs';
import type { AttemptRecord } from '../cluster/attempt-record.js';
import type { PickExplanation } from '../cluster/pick-explanation.js';
import type { RetryProgress } from '../resilience/retry-policy.js';
import { decideRetry, endsRetriesUpstream, FIRST_ATTEMPT } from '../resilience/retry-policy.js';
import type { NodeTransport } from '../transport/node-transport.js';
import { EventLostError } from '../transport/node-transport.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { AbandonedOutcome, AttemptListener, FailedAttemptOutcome } from './attempt.js';
import { Attempt } from './attempt.js';
import type { AttemptFailure } from './attempt-failure.js';
import { errorOf, graverOf, loadSignalOf, wasNotProcessed } from './attempt-failure.js';
import { CallLifetime } from './call-lifetime.js';
import type { WaitsFor } from './call-timer.js';
import { CallTimer } from './call-timer.js';
import { explainCall } from './explain-call.js';
import { asHashKey } from './hash-key.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { UpstreamNode } from './upstream-node.js';
import type { Upstream } from './upstream.js';

/** How late a deadline may fire, in milliseconds, before that is put down to this process: ten ticks of the timer wheel. */
const LAG_TOLERANCE = 50;

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
 * settles exactly once, with one outcome, at the latest at its deadline (see `CallLifetime`).
 *
 * It is its own pick context and teardown, too, so that a call costs one object and each attempt another.
 */
export class BalancedCall extends CallLifetime implements AttemptListener {
  readonly pattern: unknown;
  /** The nodes that it need not be tried on again. */
  tried: Set<UpstreamNode> | undefined = undefined;
  /** When a node was last picked for it, or is being picked. */
  now = 0;

  private attempt: Attempt | undefined = undefined;
  /** Attempts before the current one, some of which may still be under way. */
  private earlier: Attempt[] | undefined = undefined;
  /** What the caller will hear of: the last failure of those that weigh most. */
  private failure: AttemptFailure | undefined = undefined;
  private progress: RetryProgress = FIRST_ATTEMPT;
  /** Ends the back-off, or the delay before a hedge: never both at once. */
  private timer: CallTimer | undefined = undefined;
  private emitted = false;
  /** Its hash key; `null` until somebody has asked for it. */
  private key: string | undefined | null = null;
  private explanation: PickExplanation | undefined = undefined;

  constructor(upstream: Upstream, request: OutgoingRequest, subscriber: Subscriber<unknown>) {
    super(upstream, request, subscriber);
    this.pattern = request.pattern;
  }

  /** Worked out only when a strategy asks for it, and only once, since a function of the user's may be what does it. */
  get hashKey(): string | undefined {
    if (this.key === null) {
      const { options, data, context } = this.request;
      this.key = asHashKey(options.hashKey) ?? this.policy.hashKeyOf(data, context);
    }
    return this.key;
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

  /** The back-off is over, or the attempt has been silent for as long as hedging allows. */
  onTimer(reason: WaitsFor): void {
    if (this.settled) return;
    this.timer = undefined;
    if (reason === 'hedge') {
      if (this.emitted || this.attempt === undefined || this.running === 0) return;
      if (this.earlier === undefined) this.policy.hedge?.passed();
      this.markTried(this.attempt);
    }
    this.dispatch(this.upstream.now(), reason);
  }

  protected override get hasBeenTried(): boolean {
    return this.attempt !== undefined;
  }

  protected override proceed(now: number, again: boolean): void {
    this.dispatch(now, again ? 'resumed' : 'first');
  }

  /** Pick a node, and send to it or wait for it. */
  private dispatch(now: number, purpose: Purpose): void {
    const { upstream } = this;
    if (this.deadline <= now) {
      this.onDeadline();
      return;
    }
    this.now = now;
    const { admission, nodeLimit } = upstream.rules;
    if (this.explains) this.explanation = explainCall(upstream, this.request, this.policy, this.tried);
    const node = upstream.cluster.pick(this, nodeLimit, this.policy.strategy);
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
    this.markTried(failure.attempt);
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
        if (request.context?.retryUnknown) upstream.repeatsBlindly(policy.retry.maxAttempts);
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

  private armHedge(now: number): void {
    const { hedge } = this.policy;
    const { node } = this.attempt as Attempt;
    if (this.settled || this.running === 0 || this.request.kind !== 'request') return;
    const servesRetry = this.request.context?.isRetry ?? false;
    if (!hedge?.applies({ idempotent: this.isIdempotent(node), servesRetry })) return;
    const delay = hedge.nextDelay(this.upstream.rules.latencies, now);
    if (delay === undefined) return;
    if (this.earlier === undefined) hedge.started(now);
    this.arm(now, delay, 'hedge');
  }

  /** There is a node for it: does the budget allow it, too? */
  private mayHedge(now: number): boolean {
    const { attempt, upstream } = this;
    if (attempt === undefined) return false;
    const attempts = 1 + (this.earlier?.length ?? 0);
    const hedged = this.policy.hedge?.tryHedge(
      {
        idempotent: this.isIdempotent(attempt.node),
        emitted: this.emitted,
        servesRetry: this.request.context?.isRetry ?? false,
        attempts,
        pushBack: undefined,
      },
      upstream.rules.retryBudget,
      now,
    );
    if (hedged === true && this.request.context?.retryUnknown) upstream.repeatsBlindly(attempts + 1);
    if (hedged === true) upstream.hedges(attempt);
    // Whoever was told of it may have ended the call.
    return hedged === true && !this.settled;
  }

  private arm(now: number, delay: number, reason: WaitsFor): void {
    this.disarm();
    this.timer = new CallTimer(this, reason);
    this.upstream.deadlines.arm(this.timer, now + delay, now);
  }

  protected override disarm(): void {
    if (this.timer === undefined) return;
    this.upstream.deadlines.disarm(this.timer);
    this.timer = undefined;
  }

  private isIdempotent(node: UpstreamNode): boolean {
    return this.policy.idempotent ?? this.upstream.rules.providerSaysIdempotent(node, this.pattern);
  }

  private markTried({ node }: Attempt): void {
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
  protected override abandonRunning(outcome: AbandonedOutcome, reason: string, preferred?: Attempt): void {
    const { upstream, earlier = [], attempt: latest } = this;
    const lagged = outcome === 'timed-out' && upstream.now() - this.deadline > LAG_TOLERANCE;
    for (const attempt of latest ? [...earlier, latest] : earlier) {
      if (attempt === preferred || attempt.ended) continue;
      this.running--;
      attempt.abandon(outcome, reason, lagged);
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
    if (upstream.ended) this.cutOff();
    else if (failure === undefined) this.fail(upstream.noNodes());
    else this.fail(this.errorOf(failure), loadSignalOf(failure));
  }

  protected override doubtfulError(): unknown {
    const { failure } = this;
    return failure === undefined || wasNotProcessed(failure) ? undefined : this.errorOf(failure);
  }

  private errorOf(failure: AttemptFailure): unknown {
    const { name } = this.upstream.options;
    return errorOf(failure, name, this.records(), this.emitted, () => this.deadlineError());
  }

  private mayWait(): boolean {
    const { upstream } = this;
    return (this.request.options.waitForReady ?? upstream.options.waitForReady) || upstream.worthWaiting;
  }

  protected override explain(): PickExplanation {
    return this.explanation ?? explainCall(this.upstream, this.request, this.policy, this.tried);
  }

  protected override records(): AttemptRecord[] {
    const records = this.earlier?.map((attempt) => attempt.record()) ?? [];
    if (this.attempt) records.push(this.attempt.record());
    return records;
  }
}
