import { DryRun } from '../strategies/dry-run.js';
import { explanationOf } from '../strategies/scored.js';
import type { PickContext, Strategy } from '../strategies/strategy.js';
import type { DryEjection } from './ejection/dry-ejection.js';
import type { EjectionPolicy } from './ejection/ejection-policy.js';
import type { EjectionRecord } from './ejection/outlier-detector.js';
import { OutlierDetector } from './ejection/outlier-detector.js';
import type { EjectionState } from './ejection/ejection-state.js';
import { SweepSchedule } from './ejection/sweep-schedule.js';
import { eligibleNodes } from './eligible-nodes.js';
import type { ResolvedEndpoint } from './endpoint.js';
import { isHealthy } from './locality/places.js';
import { diffMembership } from './membership.js';
import type { ClusterClock } from './node.js';
import { ClusterNode } from './node.js';
import { explainPick, type ChoiceExplanation } from './pick-explanation.js';
import type { NodeStatus } from './snapshot.js';

export interface ClusterSettings<H> {
  readonly strategy: Strategy<ClusterNode<H>>;
  /** Percentage (0–100) of healthy nodes below which health is ignored; 0 for never. */
  readonly panicThreshold: number;
  /** What a priority can carry: its healthy part times this; 1.4 by default. */
  readonly overProvisioning?: number;
  /** Are nodes probed, so that a fresh connection alone does not admit one? */
  readonly probed: boolean;
  /** When nodes are ejected; `false` for never. */
  readonly ejection: EjectionPolicy | false;
  /** A policy that is told of the same and takes no node out. */
  readonly dryEjection?: DryEjection<ClusterNode<H>> | undefined;
  readonly clock: ClusterClock;
  readonly random: () => number;
}

/** What the cluster tells its owner. The owner gives each added node its `handle`. */
export interface ClusterListener<H> {
  onAdded(node: ClusterNode<H>): void;
  onRemoved(node: ClusterNode<H>): void;
  /** A node's status changed; what may be picked may have changed with it. */
  onStatus(node: ClusterNode<H>, from: NodeStatus): void;
  onPanic(active: boolean, healthy: number, total: number): void;
  /** A node was ejected, for its calls or its trial; `until`: when it may be tried (wall clock). */
  onEjected(node: ClusterNode<H>, reason: string, until: Date): void;
  /** The time of an ejected node is over: the next call tries it. */
  onTrial(node: ClusterNode<H>): void;
  /** An ejected node's trial succeeded. */
  onReturned(node: ClusterNode<H>): void;
}

/** How often the strategy is asked again for a node that the call has not been tried on. */
const ASK_AGAIN = 3;
/** Eligible nodes below which every change of a state is taken in by the next pick. */
const FEW = 64;
/**
 * Milliseconds for each eligible node that changes of states may wait beyond that: 100 ms of 10 000. A pass takes some 0.15 µs
 * for a node, so that all of them together take no more than 1.5 % of the time, however many nodes change one after the other.
 */
const PATIENCE = 0.01;

/**
 * The nodes of one service: a diff of membership in, a pick out. Which nodes are eligible is worked out in one pass over all
 * of them on the next pick after a change, so that a pick itself is the strategy's O(1). With many nodes, changes of their
 * states are gathered for a moment first; a pick never gives a node that has gone meanwhile.
 */
export class Cluster<H> {
  private members = new Map<string, ClusterNode<H>>();
  private eligible: readonly ClusterNode<H>[] = [];
  private anyConnecting = false;
  private panicking = false;
  /** When the next pass is due (monotonic milliseconds); `Infinity` while nothing has changed since the last. */
  private dueAt = Infinity;
  private everResolved = false;
  /** Those that picks may name instead of the service's own. */
  private readonly further = new Set<Strategy<ClusterNode<H>>>();
  private readonly detector: OutlierDetector<ClusterNode<H>> | undefined;
  private readonly sweeps: SweepSchedule<ClusterNode<H>> | undefined;

  constructor(
    private readonly settings: ClusterSettings<H>,
    private readonly listener: ClusterListener<H>,
  ) {
    const { ejection, clock } = settings;
    if (ejection === false) return;
    this.detector = new OutlierDetector(ejection, (record, from) => this.ejectionChanged(record, from));
    this.sweeps = new SweepSchedule(this.detector, ejection.interval, clock.now());
  }

  get nodes(): ReadonlyMap<string, ClusterNode<H>> {
    return this.members;
  }

  /** Are calls sent regardless of health, because too few nodes are healthy? */
  get panic(): boolean {
    this.refresh();
    return this.panicking;
  }

  /** The nodes that calls can go to. */
  get candidates(): readonly ClusterNode<H>[] {
    this.refresh();
    return this.eligible;
  }

  /** Is there a node that calls can go to? */
  get available(): boolean {
    this.refresh();
    return this.eligible.length > 0;
  }

  /** Is a node being connected for the first time? Those are worth waiting for; nodes that have failed are not. */
  get connecting(): boolean {
    this.refresh();
    return this.anyConnecting;
  }

  /** Replaces the set. Returns whether anything changed. */
  apply(endpoints: readonly ResolvedEndpoint[]): boolean {
    const { clock, probed, dryEjection } = this.settings;
    const onStatus = (node: ClusterNode<H>, from: NodeStatus): void => this.statusChanged(node, from);
    const joinedAt = this.everResolved ? clock.now() : -Infinity;
    const { nodes, added, removed, changed } = diffMembership(
      this.members,
      endpoints,
      (endpoint) => new ClusterNode<H>(endpoint, probed, clock, onStatus, joinedAt),
    );
    this.everResolved = true;
    this.members = nodes;
    if (changed) this.dueAt = -Infinity;
    for (const node of removed) {
      node.unwatched();
      dryEjection?.left(node);
    }
    for (const node of added) node.watchedBy(this.detector, dryEjection?.detector);
    for (const node of removed) this.listener.onRemoved(node);
    for (const node of added) this.listener.onAdded(node);
    return changed;
  }

  /** A further strategy, which picks may name. From now on it is told whatever the service's own is told. */
  admit(strategy: Strategy<ClusterNode<H>>): void {
    this.refresh();
    this.further.add(strategy);
    strategy.update(this.eligible);
  }

  /**
   * A node for this call: one with room that it has not been tried on while there is one, then one with room, `undefined`
   * when there is no node at all.
   *
   * @param limit attempts in flight at which a node is full
   * @param strategy the service's own, or one that was admitted
   */
  pick(
    call: PickContext<ClusterNode<H>>,
    limit = Infinity,
    strategy = this.settings.strategy,
  ): ClusterNode<H> | undefined {
    if (this.stale && (call.now ?? this.settings.clock.now()) >= this.dueAt) this.refresh();
    const { tried } = call;
    if (tried === undefined && this.detector?.awaitsTrial === true) {
      const trial = this.dueTrial(limit);
      if (trial) return trial;
    }
    const node = this.choose(call, limit, strategy);
    if (strategy instanceof DryRun && node !== undefined && node.inFlight < limit && !tried?.has(node))
      strategy.compare(node, this.choose(call, limit, strategy.watched as Strategy<ClusterNode<H>>));
    return node;
  }

  private choose(
    call: PickContext<ClusterNode<H>>,
    limit: number,
    strategy: Strategy<ClusterNode<H>>,
  ): ClusterNode<H> | undefined {
    const { tried } = call;
    let node = strategy.pick(call);
    if (this.stale && (node === undefined || !isHealthy(node))) {
      this.refresh();
      node = strategy.pick(call);
    }
    if (node === undefined || (node.inFlight < limit && !tried?.has(node))) return node;
    this.refresh();
    for (let asked = 0; asked < ASK_AGAIN; asked++) {
      const other = strategy.pick(call);
      if (other !== undefined && other.inFlight < limit && !tried?.has(other)) return other;
    }
    return this.search(limit, tried) ?? (node.inFlight < limit ? node : (this.search(limit) ?? node));
  }

  /** What `pick` would come to, and why. Changes nothing: picks go on as if it had not been called. O(n log n). */
  explain(
    call: PickContext<ClusterNode<H>>,
    limit = Infinity,
    strategy = this.settings.strategy,
  ): ChoiceExplanation {
    this.refresh();
    const { eligible, panicking: panic } = this;
    const trial = call.tried === undefined ? this.dueTrial(limit) : undefined;
    const situation = { nodes: this.members.values(), eligible, panic, limit, trial };
    return explainPick(call, situation, explanationOf(strategy, call));
  }

  /** The node has told its load. */
  observe(node: ClusterNode<H>): void {
    this.settings.strategy.observe?.(node);
    if (this.further.size > 0) for (const strategy of this.further) strategy.observe?.(node);
  }

  /** Is there work that is to be done about once a second, between picks: a strategy's, or that of ejection? */
  get hasUpkeep(): boolean {
    const { strategy: own, dryEjection } = this.settings;
    if (own.refresh !== undefined || this.detector !== undefined || dryEjection !== undefined) return true;
    for (const strategy of this.further) if (strategy.refresh !== undefined) return true;
    return false;
  }

  /** Does that work, over the nodes as they are now. */
  upkeep(): void {
    const { clock, dryEjection } = this.settings;
    this.sweeps?.upkeep(clock.now());
    dryEjection?.upkeep(clock.now());
    this.refresh();
    this.settings.strategy.refresh?.();
    for (const strategy of this.further) strategy.refresh?.();
  }

  /** An ejected node that a call is to try now. */
  private dueTrial(limit: number): ClusterNode<H> | undefined {
    return this.detector?.trial(
      (node) => node.status === 'ejected' && node.weight > 0 && node.inFlight < limit,
    );
  }

  /**
   * A scan from a random place, so that the failed node's calls do not all land on its neighbour. A node of a lower priority
   * is only taken when none of a higher one will do.
   */
  private search(limit: number, tried?: ReadonlySet<ClusterNode<H>>): ClusterNode<H> | undefined {
    const { eligible } = this;
    const highest = eligible[0]?.priority;
    const start = Math.floor(this.settings.random() * eligible.length);
    let found: ClusterNode<H> | undefined;
    for (let i = 0; i < eligible.length; i++) {
      const node = eligible[(start + i) % eligible.length];
      if (node === undefined || node.inFlight >= limit || tried?.has(node)) continue;
      if (node.priority === highest) return node;
      if (found === undefined || node.priority < found.priority) found = node;
    }
    return found;
  }

  private get stale(): boolean {
    return this.dueAt !== Infinity;
  }

  private statusChanged(node: ClusterNode<H>, from: NodeStatus): void {
    if (!this.stale) {
      const { length } = this.eligible;
      this.dueAt = length < FEW ? -Infinity : this.settings.clock.now() + length * PATIENCE;
    }
    // A removed node still winds down; that concerns nobody who picks.
    if (this.members.get(node.key) === node) this.listener.onStatus(node, from);
  }

  private ejectionChanged({ node, state }: EjectionRecord<ClusterNode<H>>, from: EjectionState): void {
    const until = node.ejectionChanged(this.settings.clock.now());
    const { listener } = this;
    switch (state.kind) {
      case 'ejected':
        if (until) listener.onEjected(node, state.reason, until);
        return;
      case 'half-open':
        if (state.trial === 'due') listener.onTrial(node);
        return;
      case 'admitted':
        if (from.kind !== 'admitted') listener.onReturned(node);
    }
  }

  /** Brings the eligible set up to date with what has changed since the last pick. */
  private refresh(): void {
    if (!this.stale) return;
    this.dueAt = Infinity;
    const { panicThreshold, overProvisioning } = this.settings;
    const { nodes, connecting, panic, healthy, total } = eligibleNodes(
      this.members.values(),
      panicThreshold,
      overProvisioning,
    );
    this.eligible = nodes;
    this.anyConnecting = connecting;
    this.settings.strategy.update(this.eligible);
    for (const strategy of this.further) strategy.update(this.eligible);
    if (panic !== this.panicking) {
      this.panicking = panic;
      this.listener.onPanic(panic, healthy, total);
    }
  }
}
