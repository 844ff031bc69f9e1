import type { StrategyNode } from '../../strategies/strategy.js';
import type { NodeStatus } from '../snapshot.js';
import { OVER_PROVISIONING, priorityShares } from './priority-shares.js';
import { MIN_NODES, NO_ZONE, zoneShares } from './zone-shares.js';

/** How the places of nodes are taken into account. Priorities need no option: they come with the nodes. */
export interface LocalityOptions {
  /**
   * Where this process stands, as endpoints write it; `LB_ZONE` in the environment wins, as `LB_TARGET_…` does for targets.
   * Without either, and with `false`, which the environment does not change, zones do not matter.
   */
  zone?: string | false;
  /**
   * How the callers of the service are spread over the zones, in any unit (`{ 'eu-1a': 6, 'eu-1b': 2 }`); evenly over those
   * where it has nodes by default. A zone that is not named has none.
   */
  callers?: Readonly<Record<string, number>>;
  /** Nodes of a priority below which its zones do not matter, at least 1; 6 by default (Envoy's `min_cluster_size`). */
  minNodes?: number;
  /**
   * What a priority can carry: its healthy part times this, at least 1; 1.4 by default (Envoy), so that it keeps all its
   * calls until less than 72 % of its nodes are healthy.
   */
  overProvisioning?: number;
}

/** The same with the defaults filled in. */
export interface LocalitySettings {
  readonly zone: string | undefined;
  readonly callers: ReadonlyMap<string, number> | undefined;
  readonly minNodes: number;
  readonly overProvisioning: number;
}

export const DEFAULT_LOCALITY: LocalitySettings = Object.freeze({
  zone: undefined,
  callers: undefined,
  minNodes: MIN_NODES,
  overProvisioning: OVER_PROVISIONING,
});

/** A node whose place matters. */
export interface LocatedNode extends StrategyNode {
  /** 0 is the highest; the next one is used when too few nodes of those before it are healthy. */
  readonly priority: number;
  readonly status: NodeStatus;
}

/** Nodes of one priority, or of one zone of it, and the share of the calls (0–1) that goes to them. */
export interface Place<N> {
  readonly priority: number;
  /** `undefined` where zones do not matter; `''` for nodes that do not tell theirs. */
  readonly zone: string | undefined;
  readonly share: number;
  /** Those that calls may go to. */
  readonly nodes: readonly N[];
}

/** Takes calls, or would as far as anybody knows: an idle node is connected by its first call. */
export function isHealthy({ status }: Pick<LocatedNode, 'status'>): boolean {
  return status === 'ready' || status === 'idle';
}

/**
 * Does it count when the health of its place is worked out? What is going away, or gets no calls, is no loss; what is
 * being connected for the first time is none yet, lest every node that joins sent calls elsewhere.
 */
export function countsForHealth({ weight, status }: Pick<LocatedNode, 'weight' | 'status'>): boolean {
  return weight > 0 && status !== 'draining' && status !== 'connecting';
}

interface Level<N> {
  known: number;
  healthy: number;
  readonly nodes: N[];
}

/**
 * Which share of the calls goes where: first by priority, then by zone. Both go by the healthy part of the nodes that
 * discovery lists. In a priority that panics zones do not matter, and priorities that all panic share the calls by their
 * numbers of nodes, as in Envoy. The shares add up to 1 when there is any node to pick from. O(n).
 *
 * @param known all nodes of the service
 * @param eligible those of them that calls may go to: the healthy ones and, in panic, others
 * @returns the places with eligible nodes, highest priority first, one's own zone before the others by name
 */
export function dividePlaces<N extends LocatedNode>(
  known: Iterable<N>,
  eligible: readonly N[],
  settings: LocalitySettings,
): Place<N>[] {
  const levels = [...levelsOf(known, eligible)].sort(([a], [b]) => a - b);
  const panics = ({ healthy, nodes }: Level<N>): boolean => nodes.length > healthy;
  const allPanic = levels.every(([, level]) => panics(level));
  const shares = priorityShares(
    levels.map(([, { healthy, known: total, nodes }]) =>
      allPanic ? { healthy: 0, total: nodes.length } : { healthy, total: Math.max(healthy, total) },
    ),
    settings.overProvisioning,
  );
  return levels.flatMap(([priority, level], index): Place<N>[] => {
    const share = shares[index] as number;
    const zones = panics(level) ? undefined : zonesOf(level, settings);
    if (zones === undefined) return [{ priority, zone: undefined, share, nodes: level.nodes }];
    return zones.map(({ zone, part, nodes }) => ({ priority, zone, share: share * part, nodes }));
  });
}

/** The priorities that have eligible nodes. */
function levelsOf<N extends LocatedNode>(known: Iterable<N>, eligible: readonly N[]): Map<number, Level<N>> {
  const levels = new Map<number, Level<N>>();
  for (const node of eligible) {
    let level = levels.get(node.priority);
    if (level === undefined) levels.set(node.priority, (level = { known: 0, healthy: 0, nodes: [] }));
    level.nodes.push(node);
    if (isHealthy(node)) level.healthy++;
  }
  for (const node of known) {
    const level = levels.get(node.priority);
    if (level !== undefined && countsForHealth(node)) level.known++;
  }
  return levels;
}

function zonesOf<N extends LocatedNode>({ known, nodes }: Level<N>, settings: LocalitySettings) {
  const { zone: ownZone, callers, minNodes } = settings;
  if (ownZone === undefined || known < minNodes) return undefined;
  const byZone = new Map<string, N[]>();
  for (const node of nodes) {
    const zone = node.zone ?? NO_ZONE;
    const neighbours = byZone.get(zone);
    if (neighbours) neighbours.push(node);
    else byZone.set(zone, [node]);
  }
  const healthy = new Map([...byZone].map(([zone, { length }]) => [zone, length]));
  const shares = zoneShares({ ownZone, healthy, callers });
  if (shares === undefined) return undefined;
  // In an order of their own, so that hash keys find the same zone however the nodes are listed.
  const rank = (zone: string): number => (zone === ownZone ? 0 : 1);
  return [...byZone]
    .map(([zone, nodes]) => ({ zone, nodes, part: shares.get(zone) ?? 0 }))
    .sort((a, b) => rank(a.zone) - rank(b.zone) || (a.zone < b.zone ? -1 : 1));
}
