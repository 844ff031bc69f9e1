import type { UpstreamNode } from './upstream-node.js';

/**
 * Which of the nodes that join are connected at once rather than by their first call: the first ones of each priority in
 * turn, so that those of lower priorities, which no call connects before they are needed, are there when they are.
 *
 * @param places how many may be
 */
export function eagerNodes(joining: readonly UpstreamNode[], places: number): Set<UpstreamNode> {
  const levels = new Map<number, UpstreamNode[]>();
  for (const node of joining) {
    const level = levels.get(node.priority);
    if (level) level.push(node);
    else levels.set(node.priority, [node]);
  }
  const ordered = [...levels].sort(([a], [b]) => a - b).map(([, level]) => level);
  const chosen = new Set<UpstreamNode>();
  const most = Math.min(places, joining.length);
  for (let turn = 0; chosen.size < most; turn++) {
    for (const level of ordered) {
      const node = level[turn];
      if (node !== undefined && chosen.size < most) chosen.add(node);
    }
  }
  return chosen;
}
