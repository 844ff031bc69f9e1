import { explanationOf } from '../../strategies/scored.js';
import type { PickContext, Strategy, StrategyExplanation } from '../../strategies/strategy.js';
import { hashText } from '../../strategies/string-hash.js';
import type { LocalitySettings, LocatedNode, Place } from './places.js';
import { dividePlaces } from './places.js';
import { NO_ZONE } from './zone-shares.js';

export interface LocalityDeps<N extends LocatedNode> {
  /** All nodes of the service, healthy or not. */
  readonly known: () => Iterable<N>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** What chooses in a place for which none could be made: a user's factory may fail the second time. */
  readonly substitute: (error: unknown) => Strategy<N>;
}

/** A place that gets calls, and what chooses there. */
interface Group<N extends LocatedNode> {
  readonly place: Place<N>;
  readonly strategy: Strategy<N>;
}

const TWO_TO_THE_32 = 4_294_967_296;

/**
 * Puts priorities and zones round any strategy: a place is drawn by the shares of `dividePlaces`, and a strategy of its own
 * chooses there. Calls of one hash key stay with one place, if the strategy goes by keys. Where one place gets all calls, which is always so with
 * neither priorities nor zones, nothing is drawn and nothing stands in between.
 *
 * A place's strategy is made when it first gets calls, and lives for as long as discovery lists a node there.
 */
export class LocalityStrategy<N extends LocatedNode> implements Strategy<N> {
  /** A field, so that it can be the very method of the only strategy that gets calls. */
  pick: (call: PickContext<N>) => N | undefined = () => undefined;
  /** Only there when the strategy has it: what nobody listens to is not told, and needs no timer. */
  readonly observe?: (node: N) => void;
  readonly refresh?: () => void;
  readonly usesHashKey: boolean;

  /** By `keyOf()` their places. */
  private strategies = new Map<string, Strategy<N>>();
  /** All that have eligible nodes. */
  private places: readonly Place<N>[] = [];
  private groups: readonly Group<N>[] = [];
  /** Where on the line from 0 to 1 each group's share ends. */
  private ends: readonly number[] = [];
  /** The strategy whose `pick` is this one's. */
  private sole: Strategy<N> | undefined = undefined;
  private strategyOf: ReadonlyMap<N, Strategy<N>> | undefined = undefined;
  /** The strategy of the first place that gets calls: made at once, so that a factory's fault is told at once. */
  private first: Strategy<N> | undefined;

  constructor(
    private readonly create: () => Strategy<N>,
    private readonly settings: LocalitySettings,
    private readonly deps: LocalityDeps<N>,
  ) {
    this.first = create();
    this.usesHashKey = this.first.usesHashKey === true;
    if (this.first.observe) this.observe = (node) => this.strategyFor(node)?.observe?.(node);
    if (this.first.refresh)
      this.refresh = () => {
        for (const strategy of this.strategies.values()) strategy.refresh?.();
      };
  }

  update(nodes: readonly N[]): void {
    const places = dividePlaces(this.deps.known(), nodes, this.settings);
    this.places = places;
    const before = this.strategies;
    const groups: Group<N>[] = [];
    const strategyOf = new Map<N, Strategy<N>>();
    this.strategies = new Map();
    for (const place of places) {
      const key = keyOf(place);
      const strategy = before.get(key) ?? (place.share > 0 ? this.make() : undefined);
      if (strategy === undefined) continue;
      this.strategies.set(key, strategy);
      strategy.update(place.nodes);
      if (place.share > 0) groups.push({ place, strategy });
      if (this.observe && places.length > 1) for (const node of place.nodes) strategyOf.set(node, strategy);
    }
    this.keep(before);
    this.strategyOf = places.length > 1 ? strategyOf : undefined;
    this.send(groups);
  }

  explain(call: PickContext<N>): StrategyExplanation<N> {
    const [only] = this.groups;
    if (only && this.groups.length === 1) {
      const told = explanationOf(only.strategy, call);
      const leftOut = new Map([...(told.leftOut ?? []), ...this.unused()]);
      return leftOut.size === 0 ? told : { ...told, leftOut };
    }
    const key = this.hashKeyOf(call);
    const keyed = key === undefined ? undefined : this.groupAt(chanceOf(key));
    const scores = new Map<N, number>();
    const leftOut = new Map(this.unused());
    const remarks = new Map<N, string>();
    const parts: string[] = [];
    let choice: N | undefined;
    let most = 0;
    for (const group of this.groups) {
      const { place, strategy } = group;
      const told = explanationOf(strategy, call);
      for (const [node, score] of told.scores) scores.set(node, score);
      for (const [node, why] of told.leftOut ?? []) leftOut.set(node, why);
      for (const [node, remark] of told.remarks ?? []) remarks.set(node, remark);
      if (keyed !== undefined && group !== keyed)
        for (const node of place.nodes)
          leftOut.set(node, `calls of this hash key go to ${nameOf(keyed.place)}`);
      parts.push(`${nameOf(place)} (${Math.round(place.share * 100)} %): ${told.basis}`);
      if (keyed === undefined ? place.share <= most : group !== keyed) continue;
      most = place.share;
      choice = told.choice;
    }
    return { basis: parts.join('; '), scores, choice, leftOut, remarks };
  }

  /** The nodes of places that get no calls, and why. */
  private *unused(): Iterable<[N, string]> {
    const used = this.places.filter(({ share }) => share > 0).map(({ priority }) => priority);
    for (const { priority, zone, share, nodes } of this.places) {
      if (share > 0) continue;
      const from = this.settings.zone ?? '';
      const why = used.includes(priority)
        ? `no calls go from zone ${from} to ${zone === NO_ZONE ? 'nodes without a zone' : `zone ${zone}`}`
        : used.some((other) => other < priority)
          ? `priority ${priority} is not needed: those before it can carry all calls`
          : `no node of priority ${priority} is healthy`;
      for (const node of nodes) yield [node, why];
    }
  }

  private make(): Strategy<N> {
    const { first } = this;
    this.first = undefined;
    if (first) return first;
    try {
      return this.create();
    } catch (error) {
      // In the middle of somebody's call.
      return this.deps.substitute(error);
    }
  }

  /** Those that have no node to pick at the moment and may have one soon keep what they have learnt. */
  private keep(before: ReadonlyMap<string, Strategy<N>>): void {
    const idle = [...before].filter(([key]) => !this.strategies.has(key));
    if (idle.length === 0) return;
    const listed = new Set<string>();
    for (const { priority, zone = NO_ZONE } of this.deps.known())
      listed.add(keyOf({ priority, zone })).add(keyOf({ priority, zone: undefined }));
    for (const [key, strategy] of idle) {
      if (!listed.has(key)) continue;
      strategy.update([]);
      this.strategies.set(key, strategy);
    }
  }

  private send(groups: readonly Group<N>[]): void {
    this.groups = groups;
    let end = 0;
    this.ends = groups.map(({ place }) => (end += place.share));
    const [only] = groups;
    const sole = groups.length === 1 ? only?.strategy : undefined;
    if (sole !== undefined && sole === this.sole) return;
    this.sole = sole;
    if (only === undefined) this.pick = () => undefined;
    else this.pick = sole ? sole.pick.bind(sole) : (call) => this.draw(call);
  }

  private draw(call: PickContext<N>): N | undefined {
    const key = this.hashKeyOf(call);
    const chance = key === undefined ? this.deps.random() : chanceOf(key);
    return this.groupAt(chance)?.strategy.pick(call);
  }

  /** Calls of one key need one place only where their strategy has one node for them. To read the key may cost something. */
  private hashKeyOf(call: PickContext<N>): string | undefined {
    return this.usesHashKey ? call.hashKey : undefined;
  }

  private groupAt(chance: number): Group<N> | undefined {
    const { groups, ends } = this;
    let low = 0;
    // Shares add up to 1 but for rounding: a draw just behind the last one is the last one's.
    let high = groups.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (chance < (ends[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return groups[low];
  }

  private strategyFor(node: N): Strategy<N> | undefined {
    return this.strategyOf === undefined ? this.groups[0]?.strategy : this.strategyOf.get(node);
  }
}

/** Uniform in [0, 1), the same for every client. */
function chanceOf(hashKey: string): number {
  return hashText(hashKey, 1) / TWO_TO_THE_32;
}

function keyOf({ priority, zone }: Pick<Place<never>, 'priority' | 'zone'>): string {
  return zone === undefined ? String(priority) : `${priority}/${zone}`;
}

function nameOf({ priority, zone }: Pick<Place<never>, 'priority' | 'zone'>): string {
  if (zone === undefined) return `priority ${priority}`;
  return `priority ${priority}, ${zone === NO_ZONE ? 'no zone' : `zone ${zone}`}`;
}
