import type { HashTable } from './consistent-hash.js';
import type { StrategyNode } from './strategy.js';
import { hashPair, mix, imul } from './string-hash.js';

/**
 * Slots of the table. The first is the paper's size and Envoy's; the paper wants a hundred times as many slots as nodes, or
 * the departure of one would move much more than its share. There are only three, since all clients move all keys when
 * the number of nodes passes from one to the next; the last takes 2 MB.
 */
const SIZES = [65_537, 262_147, 1_048_583] as const;
const SLOTS_PER_NODE = 100;
/** What a node may have at most above its share of the slots: three standard deviations of what chance makes of it. */
const DEVIATIONS = 3;
const MOST_EXCESS = 0.15;
/** Turns a slot. They leave a hundredth of the slots free, for which as many turns again would be needed. */
const TURNS_PER_SLOT = 5;

/**
 * Maglev hashing (Eisenbud et al., NSDI '16; Envoy's `MAGLEV`): a table of slots, which the nodes take in turns, each in
 * a pseudo-random order of its own, the heavier ones more often. A look-up is one read.
 *
 * Two things are done differently. In the paper a node whose next slot is taken goes on until it finds a free one, which
 * makes shares even to a slot; but then each choice hangs on all before it, and when one of a thousand nodes leaves,
 * six times its share of the keys moves. Here its turn is over, so a slot belongs to whoever wants it most, and only the
 * keys of the node that left move; what nobody wanted goes with another slot. Shares vary as those of a ring do: by
 * 1 % among ten nodes, 4 % among a hundred, and hardly any is above 1.2 times its due.
 *
 * And a node draws its slots, so that it may want one twice, in place of a permutation. Who comes first in permutations is not
 * a matter of weights alone: of two nodes that weigh 9 and 1 the light one would win a slot of 18, not of 10.
 *
 * The table is the same whatever order the nodes come in. Building it takes about 9 ms up to 655 nodes, 35 up to 2 621, and
 * 160 for 10 000.
 */
export function buildMaglev<N extends StrategyNode>(nodes: readonly N[]): HashTable<N> {
  const placed = inOrderOfHash(nodes);
  const count = placed.length;
  const size = SIZES.find((slots) => slots >= count * SLOTS_PER_NODE) ?? SIZES[2];
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  // A power of two, as is the number of rounds: if it were exact, a node that comes or goes would shift the turns of all.
  const unit = 2 ** Math.round(Math.log2(total / count));
  const rounds = 2 ** Math.round(Math.log2((TURNS_PER_SLOT * size * unit) / total));
  const excess = Math.min(MOST_EXCESS, DEVIATIONS * Math.sqrt(count / size));
  const rates = Float64Array.from(placed, ({ node }) => node.weight / unit);
  const most = Float64Array.from(placed, ({ node }) => ((size * node.weight) / total) * (1 + excess));
  const firsts = Uint32Array.from(placed, ({ first }) => first);
  const steps = Uint32Array.from(placed, ({ second }) => second | 1);
  const turns = new Float64Array(count);
  const taken = new Uint32Array(count);
  /** Of each slot, the number of its node from 1 on; 0 while it is free. */
  const slots = count < 2 ** 16 ? new Uint16Array(size) : new Uint32Array(size);

  let free = size;
  for (let round = 1; free > 0 && round <= rounds; round++) {
    for (let index = 0; index < count && free > 0; index++) {
      const due = Math.ceil(round * (rates[index] as number));
      while (
        (turns[index] as number) < due &&
        (taken[index] as number) < (most[index] as number) &&
        free > 0
      ) {
        const turn = turns[index] as number;
        turns[index] = turn + 1;
        const slot = mix((firsts[index] as number) + imul(turn, steps[index] as number)) % size;
        if (slots[slot] !== 0) continue;
        slots[slot] = index + 1;
        taken[index] = (taken[index] as number) + 1;
        free--;
      }
    }
  }
  if (free > 0) fillGaps(slots);
  const owners = placed.map(({ node }) => node);
  return { find: (hash) => owners[(slots[hash % size] as number) - 1] as N };
}

/** Gives each free slot to the owner of another one, drawn by its number: whoever leaves, the owner that stays keeps it. */
function fillGaps(slots: Uint16Array | Uint32Array): void {
  const free: number[] = [];
  for (let slot = 0; slot < slots.length; slot++) if (slots[slot] === 0) free.push(slot);
  const owners = free.map((slot) => {
    for (let draw = slot; ; draw += slots.length) {
      const owner = slots[mix(draw) % slots.length] as number;
      if (owner !== 0) return owner;
    }
  });
  for (const [i, slot] of free.entries()) slots[slot] = owners[i] as number;
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
