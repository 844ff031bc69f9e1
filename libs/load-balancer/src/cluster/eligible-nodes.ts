import type { LocatedNode } from './locality/places.js';
import { countsForHealth, isHealthy } from './locality/places.js';
import { OVER_PROVISIONING, carries } from './locality/priority-shares.js';

/** A node that tells whether a call could be handed to it, whatever its health. */
export interface JudgedNode extends LocatedNode {
  readonly reachable: boolean;
}

/** Which nodes calls can go to. */
export interface Eligibility<N> {
  /** Highest priority first, in their own order within each. */
  readonly nodes: readonly N[];
  /** Is health ignored in some priority? */
  readonly panic: boolean;
  readonly healthy: number;
  readonly total: number;
  /** Is a node being connected for the first time? */
  readonly connecting: boolean;
}

interface Level<N> {
  readonly healthy: N[];
  readonly regardless: N[];
  total: number;
  /** Of the total, those that say something of its health. */
  counted: number;
}

/**
 * The healthy nodes, and in panic (Envoy's) the ill ones, too: better to spread the load over nodes that may be ill than to
 * bury the few that are not. Nodes without a connection are no help and stay out.
 *
 * Each priority panics for itself, by its own nodes, and none does while all of them together can carry everything: then the
 * others are the better help. While all nodes of a priority are being connected for the first time, idle ones of lower
 * priorities stay out. O(n).
 *
 * @param panicThreshold percentage (0–100) of healthy nodes below which a priority panics
 */
export function eligibleNodes<N extends JudgedNode>(
  members: Iterable<N>,
  panicThreshold: number,
  overProvisioning: number = OVER_PROVISIONING,
): Eligibility<N> {
  const levels = new Map<number, Level<N>>();
  let connecting = false;
  for (const node of members) {
    if (node.weight <= 0 || node.status === 'draining') continue;
    let level = levels.get(node.priority);
    if (level === undefined)
      levels.set(node.priority, (level = { healthy: [], regardless: [], total: 0, counted: 0 }));
    level.total++;
    if (countsForHealth(node)) level.counted++;
    if (isHealthy(node)) {
      level.healthy.push(node);
      level.regardless.push(node);
    } else if ((node.status === 'unhealthy' || node.status === 'ejected') && node.reachable) {
      level.regardless.push(node);
    } else if (node.status === 'connecting') {
      connecting = true;
    }
  }

  const ordered = [...levels].sort(([a], [b]) => a - b).map(([, level]) => level);
  const calm =
    ordered.length > 1 &&
    carries(
      ordered.map(({ healthy, counted }) => ({ healthy: healthy.length, total: counted })),
      overProvisioning,
    );
  // As for priorities, those that have yet to join are no loss, or a scale-up would put ill nodes back to use.
  const panics = ({ healthy, regardless, counted }: Level<N>): boolean =>
    !calm && regardless.length > healthy.length && healthy.length * 100 < counted * panicThreshold;
  // To connect an idle node of a lower priority would take no less time than those take that are on their way.
  const first = ordered.findIndex(({ counted }) => counted === 0);
  const starting = first < 0 ? Infinity : first;
  return {
    nodes: ordered.flatMap((level, index) => {
      const nodes = panics(level) ? level.regardless : level.healthy;
      return index > starting ? nodes.filter(({ status }) => status !== 'idle') : nodes;
    }),
    panic: ordered.some(panics),
    healthy: ordered.reduce((sum, { healthy }) => sum + healthy.length, 0),
    total: ordered.reduce((sum, { total }) => sum + total, 0),
    connecting,
  };
}
