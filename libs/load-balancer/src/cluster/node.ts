import type { StrategyNode } from '../strategies/strategy.js';
import type { AttemptOutcome } from './attempt-record.js';
import type { EjectionRecord, OutlierDetector } from './ejection/outlier-detector.js';
import type { ResolvedEndpoint } from './endpoint.js';
import { endpointKey } from './endpoint.js';
import { failurePenalty } from './failure-penalty.js';
import { OutstandingList, type Outstanding } from './outstanding.js';
import { Pace } from './pace.js';
import type { LoadReport, NodeSnapshot, NodeStatus } from './snapshot.js';

/** What the connection to a node can be in. */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'disconnected';
/** What probes say of a node; `pending` until the first answer after a connect. */
export type ProbeVerdict = 'pending' | 'healthy' | 'unhealthy';

/** Monotonic time for durations, wall time for what people read; both in milliseconds. */
export interface ClusterClock {
  readonly now: () => number;
  readonly wall: () => number;
}

/** Weight of a new latency in the moving average that is shown: about the last 20 answers. */
const LATENCY_WEIGHT = 0.1;

/**
 * The live object that stands for an endpoint: its state and the load that this client puts on it. It survives
 * re-resolution for as long as its address stays in the set. `handle` is whatever the owner needs to reach it (its
 * channel); the cluster does not look inside.
 */
export class ClusterNode<H = unknown> implements StrategyNode {
  readonly key: string;
  /** Kept here, since strategies read it for every call. */
  weight: number;
  inFlight = 0;
  latency: number | undefined = undefined;
  status: NodeStatus = 'idle';
  reason = 'not connected yet';
  handle!: H;

  /** What its server last said of its load, and when (monotonic milliseconds); `undefined` for a stock server. */
  load: LoadReport | undefined = undefined;
  loadAt = 0;
  /** When the first report since it was last connected came. */
  loadSince = 0;
  /** Attempts that were answered: while it grows, the node is not silent. */
  answers = 0;
  /** Monotonic milliseconds at which it joined, or came back from trouble; `-Infinity` for one that was there from the start. */
  readySince: number;

  private readonly seen = new Pace();
  private readonly outstanding = new OutstandingList();
  private calls = 0;
  private failures = 0;
  private goingAway = false;
  private since: number;
  private connection: ConnectionState = 'idle';
  private connectionReason = 'not connected yet';
  private probe: ProbeVerdict = 'healthy';
  private probeReason = '';
  /** Its probes took it out, perhaps on an earlier connection, and none has succeeded since. */
  private probesFailed = false;
  private everReady = false;
  /** Has it been out since it was last ready? A connection that was never asked for is no trouble. */
  private troubled = false;
  private detector: OutlierDetector<ClusterNode<H>> | undefined = undefined;
  private ejection: EjectionRecord<ClusterNode<H>> | undefined = undefined;
  /** Told the same, and not heeded. */
  private dryDetector: OutlierDetector<ClusterNode<H>> | undefined = undefined;
  private dryEjection: EjectionRecord<ClusterNode<H>> | undefined = undefined;
  private ejectedUntil: Date | undefined = undefined;
  /** Counts its connections, and which of them calls were last lost with. */
  private connections = 0;
  private lostWith = 0;
  /** Its connection was refused or lost, and it has had none since. */
  private cutOff = false;
  /** How many answers it had given when it was last connected. */
  private answersBefore = 0;
  private onIdle: (() => void) | undefined = undefined;

  constructor(
    public endpoint: ResolvedEndpoint,
    private readonly probed: boolean,
    private readonly clock: ClusterClock,
    private readonly onStatus: (node: ClusterNode<H>, from: NodeStatus) => void,
    joinedAt = -Infinity,
  ) {
    this.key = endpointKey(endpoint);
    this.weight = endpoint.weight;
    this.since = clock.wall();
    this.readySince = joinedAt;
  }

  get zone(): string | undefined {
    return this.endpoint.zone;
  }

  get priority(): number {
    return this.endpoint.priority;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.endpoint.metadata;
  }

  /** A call can be handed to it now, whatever its probes say: what panic mode falls back to. */
  get reachable(): boolean {
    return this.connection === 'connected' || this.connection === 'idle';
  }

  /** The same address was resolved again, perhaps with other labels. */
  update(endpoint: ResolvedEndpoint): void {
    this.endpoint = endpoint;
    this.weight = endpoint.weight;
    this.settle();
  }

  setConnection(state: ConnectionState, reason: string): void {
    this.connection = state;
    this.connectionReason = reason;
    // It was let go because nobody used it: calls wait for its next connection as they did for the first.
    if (state === 'idle') this.everReady = false;
    // What comes after a server that was about to stop is another one.
    if (state !== 'connected') {
      this.goingAway = false;
      this.load = undefined;
    }
    // A new connection may lead to a process that hangs: with probes on, only an answer admits it.
    if (state === 'connected') this.meetAgain();
    if (state === 'disconnected') this.cutOff = true;
    if (state === 'connected' && this.probed) {
      this.probe = 'pending';
      this.probeReason = 'connected, waiting for its first probe';
    }
    this.settle();
  }

  setProbe(verdict: Exclude<ProbeVerdict, 'pending'>, reason: string): void {
    this.probe = verdict;
    this.probeReason = reason;
    const recovered = verdict === 'healthy' && this.probesFailed;
    this.probesFailed = verdict === 'unhealthy';
    if (recovered && this.ejection) this.detector?.recovered(this.ejection);
    if (recovered && this.dryEjection) this.dryDetector?.recovered(this.dryEjection);
    this.settle();
  }

  /** Its server says that it is about to stop. */
  setGoingAway(): void {
    this.goingAway = true;
    this.settle();
  }

  /**
   * From now on the detectors are told how its attempts end.
   *
   * @param detector its verdict is heeded
   * @param dryDetector its verdict is not
   */
  watchedBy(
    detector: OutlierDetector<ClusterNode<H>> | undefined,
    dryDetector?: OutlierDetector<ClusterNode<H>>,
  ): void {
    this.detector = detector;
    this.ejection = detector?.add(this);
    this.dryDetector = dryDetector;
    this.dryEjection = dryDetector?.add(this);
  }

  /** It has left: nothing that ends on it now counts any more. */
  unwatched(): void {
    if (this.ejection) this.detector?.remove(this.ejection);
    if (this.dryEjection) this.dryDetector?.remove(this.dryEjection);
    this.detector = undefined;
    this.dryDetector = undefined;
  }

  /** The detector's verdict on it is another one. Returns until when it is ejected (wall clock), if it is. */
  ejectionChanged(now: number): Date | undefined {
    const state = this.ejection?.state;
    if (state?.kind === 'ejected') this.ejectedUntil = new Date(this.clock.wall() + state.until - now);
    else if (state?.kind === 'admitted') this.ejectedUntil = undefined;
    this.settle();
    return this.ejectedUntil;
  }

  setLoad(load: LoadReport): void {
    this.loadAt = this.clock.now();
    if (this.load === undefined) this.loadSince = this.loadAt;
    this.load = load;
  }

  get waitingSince(): number | undefined {
    return this.inFlight === 0 ? undefined : this.outstanding.since;
  }

  pace(now: number): number | undefined {
    return this.seen.known ? this.seen.read(now) : undefined;
  }

  /** An attempt starts. */
  begin(attempt?: Outstanding): void {
    this.inFlight++;
    this.calls++;
    if (attempt) {
      attempt.inFlight = this.inFlight;
      this.outstanding.add(attempt);
    }
    if (this.ejection !== undefined) this.detector?.began(this.ejection);
    if (this.dryEjection !== undefined) this.dryDetector?.began(this.dryEjection);
  }

  /** The first sign of life of an attempt that goes on: a stream may do so for hours, which is no sign of a stall. */
  heard(attempt: Outstanding): void {
    this.outstanding.remove(attempt);
    if (this.ejection !== undefined) this.detector?.heard(this.ejection);
    if (this.dryEjection !== undefined) this.dryDetector?.heard(this.dryEjection);
  }

  /**
   * The same attempt ends. Called once for each `begin()`.
   *
   * @param duration milliseconds until it ended, or until the first answer of a stream; less the time for which this
   *   process's own event loop was late, which is not the node's fault
   * @param now monotonic milliseconds
   * @param retryAfter when a server that refused it said to come back, in milliseconds
   */
  end(
    outcome: AttemptOutcome,
    duration: number,
    attempt?: Outstanding,
    now = this.clock.now(),
    retryAfter?: number,
  ): void {
    this.inFlight--;
    if (attempt) this.outstanding.remove(attempt);
    if (outcome === 'answered') {
      this.answers++;
      this.seen.observe(duration, attempt?.inFlight ?? 1, now);
      this.latency =
        this.latency === undefined ? duration : this.latency + (duration - this.latency) * LATENCY_WEIGHT;
    } else if (outcome !== 'cancelled' && outcome !== 'sent') {
      this.failures++;
      this.seen.penalize(failurePenalty(outcome, duration, retryAfter), now);
    }
    if (this.ejection !== undefined || this.dryEjection !== undefined) this.judgeEnd(outcome, duration, now);
    if (this.onIdle !== undefined && this.inFlight === 0) {
      const { onIdle } = this;
      this.onIdle = undefined;
      onIdle();
    }
  }

  /**
   * A connection after a loss most likely leads to a process that was started anew, whose latency the old one's failures say
   * nothing of; as one that nothing is known of, it is expected to be as fast as the others. But one that takes connections
   * and loses them before it has answered anything is the same as before, and keeps what it has earned.
   */
  private meetAgain(): void {
    const flaps = this.connections > 0 && this.answers === this.answersBefore;
    if (this.cutOff && !flaps) this.seen.forget();
    this.connections++;
    this.cutOff = false;
    this.answersBefore = this.answers;
  }

  private judgeEnd(outcome: AttemptOutcome, duration: number, now: number): void {
    const { ejection, dryEjection } = this;
    const aftermath = outcome === 'lost' && this.lostWith === this.connections;
    if (outcome === 'lost') this.lostWith = this.connections;
    if (ejection !== undefined) this.detector?.ended(ejection, outcome, duration, now, aftermath);
    if (dryEjection !== undefined) this.dryDetector?.ended(dryEjection, outcome, duration, now, aftermath);
  }

  /** Calls back once, when nothing is in flight on it any more, at once if nothing is; the last one asked is called. */
  whenIdle(onIdle: () => void): void {
    if (this.inFlight === 0) onIdle();
    else this.onIdle = onIdle;
  }

  snapshot(): NodeSnapshot {
    const { key, endpoint, status, reason, ejectedUntil, inFlight, calls, failures, latency, load } = this;
    const since = new Date(this.since);
    return { key, endpoint, status, reason, since, ejectedUntil, inFlight, calls, failures, latency, load };
  }

  /**
   * The one place where the order of precedence is written: discovery, draining, connection, probe, ejection. What is ready
   * after all may still be at its slow start, which is the strategy's affair.
   */
  private settle(): void {
    const [status, reason] = this.judge();
    this.reason = reason;
    if (status === this.status) return;
    const from = this.status;
    this.status = status;
    this.since = this.clock.wall();
    if (status === 'ready') {
      this.everReady = true;
      if (this.troubled) this.readySince = this.clock.now();
      this.troubled = false;
    } else if (status !== 'idle' && status !== 'connecting') {
      this.troubled = true;
    }
    this.onStatus(this, from);
  }

  private judge(): [NodeStatus, string] {
    if (this.endpoint.draining) return ['draining', 'its registry says that it is going away'];
    if (this.goingAway) return ['draining', 'its server says that it is about to stop'];
    switch (this.connection) {
      case 'idle':
        return this.ejected() ?? ['idle', this.connectionReason];
      case 'connecting':
        return ['connecting', this.connectionReason];
      case 'disconnected':
        return ['disconnected', this.connectionReason];
      case 'connected':
        break;
    }
    switch (this.probe) {
      case 'pending':
        return [this.everReady ? 'disconnected' : 'connecting', this.probeReason];
      case 'unhealthy':
        return ['unhealthy', this.probeReason];
      case 'healthy':
        return this.ejected() ?? ['ready', this.probeReason || this.connectionReason];
    }
  }

  private ejected(): [NodeStatus, string] | undefined {
    const state = this.ejection?.state;
    return state === undefined || state.kind === 'admitted' ? undefined : ['ejected', state.reason];
  }
}
