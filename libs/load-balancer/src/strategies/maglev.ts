import type { HashTable } from './consistent-hash.js';
import type { StrategyNode } from './strategy.js';
import { hashPair } from './string-hash.js';

/** The paper's size, and Envoy's: a prime, so that every node's permutation reaches every slot. */
const SIZE = 65_537;
/** What a node may have at most above its share of the slots: three standard deviations of what chance makes of it. */
const DEVIATIONS = 3;
const MOST_EXCESS = 0.15;
const EMPTY = -1;

/**
 * Maglev hashing (Eisenbud et al., NSDI '16; Envoy's `MAGLEV`): a table of slots, which the nodes take in turns, each in
 * the order of its own pseudo-random permutation, the heavier ones more often. A look-up is one read.
 *
 * One thing is done differently. In the paper a node whose next slot is taken goes on until it finds a free one, which
 * makes shares even to a slot; but then each choice hangs on all before it, and when one of a thousand nodes leaves,
 * six times its share of the keys moves. Here its turn is over, so a slot belongs to whoever wants it most, and only the
 * keys of the node that left move (1.1 to 1.2 times its share of a thousand, 1.0 of a hundred). Shares vary as those of a
 * ring do: by 1 % among ten nodes, 4 % among a hundred, and none is above 1.15 times its due.
 *
 * The table is the same whatever order the nodes come in. Building it takes about 20 ms for any number of them.
 */
export function buildMaglev<N extends StrategyNode>(nodes: readonly N[]): HashTable<N> {
  const placed = inOrderOfHash(nodes);
  const count = placed.length;
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  // A power of two: if it were the exact mean, a node that comes or goes would shift the turns of all others.
  const unit = 2 ** Math.round(Math.log2(total / count));
  const excess = Math.min(MOST_EXCESS, DEVIATIONS * Math.sqrt(count / SIZE));
  const rates = Float64Array.from(placed, ({ node }) => node.weight / unit);
  const most = Float64Array.from(placed, ({ node }) => ((SIZE * node.weight) / total) * (1 + excess));
  const skips = Uint32Array.from(placed, ({ second }) => (second % (SIZE - 1)) + 1);
  const cursors = Uint32Array.from(placed, ({ first }) => first % SIZE);
  const turns = new Float64Array(count);
  const taken = new Uint32Array(count);
  const slots = new Int32Array(SIZE).fill(EMPTY);

  let empty = SIZE;
  for (let round = 1; empty > 0; round++) {
    for (let index = 0; index < count && empty > 0; index++) {
      const due = Math.ceil(round * (rates[index] as number));
      while (
        (turns[index] as number) < due &&
        (taken[index] as number) < (most[index] as number) &&
        empty > 0
      ) {
        turns[index] = (turns[index] as number) + 1;
        const slot = cursors[index] as number;
        const next = slot + (skips[index] as number);
        cursors[index] = next >= SIZE ? next - SIZE : next;
        if (slots[slot] !== EMPTY) continue;
        slots[slot] = index;
        taken[index] = (taken[index] as number) + 1;
        empty--;
      }
    }
  }
  const owners = placed.map(({ node }) => node);
  return { find: (hash) => owners[slots[hash % SIZE] as number] as N };
}

interface Placed<N> {
  readonly node: N;
  readonly first: number;
  readonly second: number;
}

/** All clients let the nodes take their turns in the same order, however their resolvers list them. */
function inOrderOfHash<N extends StrategyNode>(nodes: readonly N[]): Placed<N>[] {
  return nodes
    .map((node) => {
      const [first, second] = hashPair(node.key);
      return { node, first, second };
    })
    .sort((a, b) => a.first - b.first || a.second - b.second);
}
