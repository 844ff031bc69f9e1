import type { HashTable } from './consistent-hash.js';
import type { StrategyNode } from './strategy.js';
import { hashPair, mix } from './string-hash.js';

/**
 * Points of a node of mean weight. The share of a node then varies by 1/√512, which is 4 %: with the hundred of most
 * implementations, the departure of one node in ten would move 1.25 times its share of the keys.
 */
const POINTS = 512;
/** With more nodes than fit, each has fewer points: half a million are enough to be built in one go. */
const MOST_POINTS = 2 ** 19;

/**
 * Consistent hashing on a ring (Karger et al. 1997; Envoy's `RING_HASH`): each node stands at pseudo-random points of a
 * circle, in number by its weight, and a key belongs to the first point at or after it. When a node leaves, its keys go
 * to the others and no other key moves.
 *
 * The points are found by the leading bits of the hash, of which there is about a point each, in place of a binary
 * search. Building is O(points), about 100 ns each.
 */
export function buildRing<N extends StrategyNode>(nodes: readonly N[]): HashTable<N> {
  const counts = pointCounts(nodes);
  const size = counts.reduce((sum, count) => sum + count, 0);
  const bits = Math.min(20, Math.max(1, Math.ceil(Math.log2(size))));
  const shift = 32 - bits;

  const unsorted = new Uint32Array(size);
  /** Where the points of each bucket begin; a bucket is all hashes with the same leading bits. */
  const starts = new Uint32Array(2 ** bits + 1);
  let at = 0;
  for (const [index, node] of nodes.entries()) {
    const [first, second] = hashPair(node.key);
    const step = second | 1;
    for (let point = 0; point < (counts[index] as number); point++) {
      const position = mix(first + Math.imul(point, step));
      unsorted[at++] = position;
      const bucket = (position >>> shift) + 1;
      starts[bucket] = (starts[bucket] as number) + 1;
    }
  }
  for (let bucket = 1; bucket < starts.length; bucket++) {
    starts[bucket] = (starts[bucket] as number) + (starts[bucket - 1] as number);
  }

  const positions = new Uint32Array(size);
  const owners = new Uint32Array(size);
  const ends = starts.slice();
  at = 0;
  for (let index = 0; index < nodes.length; index++) {
    for (let point = 0; point < (counts[index] as number); point++) {
      const position = unsorted[at++] as number;
      const bucket = position >>> shift;
      const start = starts[bucket] as number;
      const end = ends[bucket] as number;
      ends[bucket] = end + 1;
      // A bucket has about one point, so sorting it by insertion is the cheapest way.
      let place = end;
      while (place > start && comesBefore(position, index, place - 1)) {
        positions[place] = positions[place - 1] as number;
        owners[place] = owners[place - 1] as number;
        place--;
      }
      positions[place] = position;
      owners[place] = index;
    }
  }

  /** Where two nodes share a point, their keys decide, lest the order in which they were resolved did. */
  function comesBefore(position: number, owner: number, place: number): boolean {
    const other = positions[place] as number;
    if (position !== other) return position < other;
    return (nodes[owner] as N).key < (nodes[owners[place] as number] as N).key;
  }

  return {
    find(hash) {
      let place = starts[hash >>> shift] as number;
      while (place < size && (positions[place] as number) < hash) place++;
      return nodes[owners[place === size ? 0 : place] as number] as N;
    },
  };
}

/**
 * How many points each node has. What a point weighs is a power of two: if it were the exact mean, one node more or less
 * would move points of all others.
 */
function pointCounts(nodes: readonly StrategyNode[]): number[] {
  const mean = nodes.reduce((sum, { weight }) => sum + weight, 0) / nodes.length;
  const unit = 2 ** Math.round(Math.log2(mean));
  const points = Math.min(POINTS, 2 ** Math.floor(Math.log2(MOST_POINTS / nodes.length)));
  return nodes.map(({ weight }) => Math.max(1, Math.round((weight / unit) * points)));
}
