import { hashText, mix } from '../../strategies/string-hash.js';

/**
 * The nodes of a large service that this client connects to: those with the highest hash of node and client (rendezvous
 * hashing, Thaler & Ravishankar 1996; gRFC A68). Each client has its own subset, which all of a client's restarts with
 * the same name share; when one node comes or goes, at most one entry of a subset changes. O(n log n), a few
 * milliseconds for ten thousand nodes.
 *
 * The nodes stay in their order. All of them are kept when there are no more than `size`.
 *
 * @param size how many to keep, at least 1
 * @param client what this client is known by, different for each: host name and process, say
 */
export function chooseSubset<N extends { readonly key: string }>(
  nodes: readonly N[],
  size: number,
  client: string,
): readonly N[] {
  if (nodes.length <= size) return nodes;
  const seed = hashText(client);
  const ranked = nodes.map((node) => ({ node, rank: mix(hashText(node.key) ^ seed) }));
  ranked.sort((a, b) => b.rank - a.rank || (a.node.key < b.node.key ? -1 : 1));
  const kept = new Set(ranked.slice(0, size).map(({ node }) => node));
  return nodes.filter((node) => kept.has(node));
}
