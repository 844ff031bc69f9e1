import { hashText, mix } from '../../strategies/string-hash.js';
import type { ResolvedEndpoint } from '../endpoint.js';
import { endpointKey } from '../endpoint.js';

/** How many of a large service's nodes one client uses. */
export interface SubsetOptions {
  /** Nodes of each priority that are used, at least 1. */
  size: number;
  /**
   * What this client is known by; each has a subset of its own, and always the same one. Host name and process id by
   * default, so that several processes of a host differ; give one that outlives restarts for subsets that do, too.
   */
  clientId?: string;
}

const TWO_TO_THE_32 = 4_294_967_296;

/**
 * The nodes of a large service that this client connects to: of each priority `size`, from each zone as many as its part
 * of them, those with the highest hash of node and client (rendezvous hashing, Thaler & Ravishankar 1996; gRFC A68). Each
 * client has a subset of its own, so that all nodes have about as many clients. When one node comes, goes or starts to
 * drain, at most one entry of a subset is replaced.
 *
 * Nodes that take no calls fill only places that nobody else wants. The nodes stay in their order; all of them are kept
 * when there are no more than `size`. O(n log n), some 5 ms for ten thousand nodes.
 */
export function chooseSubset(
  nodes: readonly ResolvedEndpoint[],
  { size, clientId }: Readonly<Required<SubsetOptions>>,
): readonly ResolvedEndpoint[] {
  if (nodes.length <= size) return nodes;
  const seed = hashText(clientId);
  const kept = new Set<ResolvedEndpoint>();
  for (const level of groupedBy(nodes, ({ priority }) => priority)) {
    const ranked = groupedBy(level, ({ zone }) => zone).flatMap((zone) => rankZone(zone, size, seed));
    ranked.sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1));
    for (const { node } of ranked.slice(0, size)) kept.add(node);
  }
  return nodes.filter((node) => kept.has(node));
}

interface Ranked {
  readonly node: ResolvedEndpoint;
  readonly key: string;
  readonly rank: number;
}

/**
 * The nodes of one zone, ranked so that the lowest ranks of all zones together hold of each its part. The remainder of
 * that is the client's chance: a fixed rule would leave small zones out for every client.
 */
function rankZone(nodes: readonly ResolvedEndpoint[], size: number, seed: number): Ranked[] {
  const hashed = nodes.map((node) => {
    const key = endpointKey(node);
    return { node, key, hash: mix(hashText(key) ^ seed), usable: node.weight > 0 && !node.draining };
  });
  const usable = hashed.filter((each) => each.usable);
  // Only the first ones can be among those that are kept; to find them by number is faster than to sort them all.
  const hashes = Float64Array.from(usable, ({ hash }) => hash).sort();
  const lowest = hashes.at(-size) ?? 0;
  const first = usable.filter(({ hash }) => hash >= lowest);
  first.sort((a, b) => b.hash - a.hash || (a.key < b.key ? -1 : 1));
  const offset = mix(hashText(nodes[0]?.zone ?? '', 1) ^ seed) / TWO_TO_THE_32;
  return [
    ...first.map(({ node, key }, place) => ({ node, key, rank: (place + offset) / usable.length })),
    ...hashed.filter((each) => !each.usable).map(({ node, key }) => ({ node, key, rank: 1 })),
  ];
}

function groupedBy<N, K>(nodes: readonly N[], keyOf: (node: N) => K): N[][] {
  const groups = new Map<K, N[]>();
  for (const node of nodes) {
    const key = keyOf(node);
    const group = groups.get(key);
    if (group) group.push(node);
    else groups.set(key, [node]);
  }
  return [...groups.values()];
}
