import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from '../../strategies/strategy.js';
import { hashText } from '../../strategies/string-hash.js';
import { priorityShares } from './priority-shares.js';
import { NO_ZONE, zoneShares } from './zone-shares.js';

/** A node whose place matters. */
export interface LocatedNode extends StrategyNode {
  /** 0 is the highest; the next one is used when too few nodes of those before it are healthy. */
  readonly priority: number;
}

/** How places are taken into account. */
export interface LocalitySettings {
  /** Where this client stands; `undefined` when zones do not matter. */
  readonly ownZone: string | undefined;
  /** How the callers of the service are spread over the zones; evenly by default. */
  readonly callers?: ReadonlyMap<string, number> | undefined;
  readonly overProvisioning?: number | undefined;
  /** Nodes of a priority below which its zones do not matter. */
  readonly fewestNodes?: number | undefined;
  readonly random: () => number;
}

/** Nodes that one strategy chooses from. */
interface Group<N extends LocatedNode> {
  readonly strategy: Strategy<N>;
  readonly nodes: N[];
  share: number;
}

const TWO_TO_THE_32 = 4_294_967_296;

/**
 * Puts priorities and zones round any strategy: works out which share of the calls goes to each priority and, within it,
 * to each zone, draws one by these shares and lets a strategy of its own choose there. A group's strategy lives for as
 * long as discovery knows a node of it. Calls of one hash key stay with one group.
 */
export class LocalityStrategy<N extends LocatedNode> implements Strategy<N> {
  private groups = new Map<string, Group<N>>();
  private groupOf = new Map<N, Group<N>>();

  /** @param known all nodes that discovery lists for calls, healthy or not */
  constructor(
    private readonly create: () => Strategy<N>,
    private readonly known: () => Iterable<N>,
    private readonly settings: LocalitySettings,
  ) {}

  update(nodes: readonly N[]): void {
    const { overProvisioning } = this.settings;
    const totals = new Map<number, number>();
    for (const { priority } of this.known()) totals.set(priority, (totals.get(priority) ?? 0) + 1);
    const healthy = new Map<number, N[]>();
    for (const node of nodes) {
      const level = healthy.get(node.priority);
      if (level) level.push(node);
      else healthy.set(node.priority, [node]);
    }

    const levels = [...new Set([...totals.keys(), ...healthy.keys()])].sort((a, b) => a - b);
    const shares = priorityShares(
      levels.map((priority) => {
        const count = healthy.get(priority)?.length ?? 0;
        return { healthy: count, total: Math.max(count, totals.get(priority) ?? 0) };
      }),
      overProvisioning,
    );
    const before = this.groups;
    this.groups = new Map();
    this.groupOf = new Map();
    for (const [index, priority] of levels.entries())
      this.divide(priority, healthy.get(priority) ?? [], shares[index] as number, before);
    // Those without a healthy node at the moment keep what they have learnt.
    for (const [key, group] of before) {
      if (!this.groups.has(key) && totals.has(Number(key.slice(0, key.indexOf('/')))))
        this.groups.set(key, { strategy: group.strategy, nodes: [], share: 0 });
    }
    for (const { strategy, nodes: members } of this.groups.values()) strategy.update(members);
  }

  pick(call: PickContext<N>): N | undefined {
    return this.draw(call)?.strategy.pick(call);
  }

  observe(node: N): void {
    this.groupOf.get(node)?.strategy.observe?.(node);
  }

  refresh(): void {
    for (const { strategy } of this.groups.values()) strategy.refresh?.();
  }

  /** The scores of all groups that get calls, and the choice of the one that gets most. */
  explain(call: PickContext<N>): StrategyExplanation<N> {
    const scores = new Map<N, number>();
    const parts: string[] = [];
    let choice: N | undefined;
    let most = 0;
    for (const [key, { share, strategy }] of this.groups) {
      const told = share > 0 ? strategy.explain?.(call) : undefined;
      if (told === undefined) continue;
      for (const [node, score] of told.scores) scores.set(node, score);
      parts.push(`${key}: ${Math.round(share * 100)} %, ${told.basis}`);
      if (share <= most) continue;
      most = share;
      choice = told.choice;
    }
    return { basis: parts.join('; '), scores, choice };
  }

  private draw({ hashKey }: PickContext<N>): Group<N> | undefined {
    let chance = hashKey === undefined ? this.settings.random() : hashText(hashKey, 1) / TWO_TO_THE_32;
    let last: Group<N> | undefined;
    for (const group of this.groups.values()) {
      if (group.share === 0) continue;
      chance -= group.share;
      if (chance < 0) return group;
      // Shares add up to 1 but for rounding, so a draw may fall just behind the last one.
      last = group;
    }
    return last;
  }

  /** The groups of one priority: its zones, or all of it where zones do not matter. */
  private divide(
    priority: number,
    nodes: readonly N[],
    share: number,
    before: ReadonlyMap<string, Group<N>>,
  ): void {
    const { ownZone, callers, fewestNodes } = this.settings;
    const healthy = new Map<string, number>();
    for (const { zone = NO_ZONE } of nodes) healthy.set(zone, (healthy.get(zone) ?? 0) + 1);
    const zones = zoneShares({ ownZone, healthy, callers }, fewestNodes);
    for (const node of nodes) {
      const zone = node.zone ?? NO_ZONE;
      const key = `${priority}/${zones === undefined ? '*' : zone}`;
      let group = this.groups.get(key);
      if (group === undefined) {
        const part = zones === undefined ? 1 : (zones.get(zone) ?? 0);
        group = { strategy: before.get(key)?.strategy ?? this.create(), nodes: [], share: share * part };
        this.groups.set(key, group);
      }
      group.nodes.push(node);
      this.groupOf.set(node, group);
    }
  }
}
