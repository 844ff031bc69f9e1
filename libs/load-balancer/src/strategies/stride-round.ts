import type { StrategyNode } from './strategy.js';

/** The fraction of the golden ratio: its multiples spread most evenly over [0, 1). */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * What a static stride scheduler passes over in turn: three lists of one length. A node that outweighs the mean has
 * several places, so that none is picked much less often than the others and few are passed over for one pick.
 */
export interface StrideRound<N> {
  readonly places: readonly N[];
  /** How often a place is picked, in picks a pass: above 0, at most 1. */
  readonly rates: Float64Array;
  /** What of its first pick a place has to its credit at the start. */
  readonly phases: Float64Array;
}

/**
 * The round of these nodes. O(n).
 *
 * @param start what all phases begin with, in [0, 1)
 * @param weights those of the nodes, all above 0
 */
export function layOut<N extends StrategyNode>(
  nodes: readonly N[],
  start: number,
  weights: Float64Array = Float64Array.from(nodes, ({ weight }) => weight),
): StrideRound<N> {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / nodes.length;
  const shares = weights.map((weight) => placesOf(weight, mean));
  const count = shares.reduce((sum, share) => sum + share, 0);
  const greatest = weights.reduce((max, weight, i) => Math.max(max, weight / (shares[i] as number)), 0);

  const places = new Array<N>(count);
  const rates = new Float64Array(count);
  const phases = new Float64Array(count);
  // Stepping through the round by its golden section spreads the places of one node evenly over it.
  const step = coprime(Math.round(count * GOLDEN), count);
  let place = 0;
  for (const [i, node] of nodes.entries()) {
    const share = shares[i] as number;
    const first = start + place * GOLDEN;
    for (let k = 0; k < share; k++) {
      places[place] = node;
      rates[place] = (weights[i] as number) / share / greatest;
      // ⌊x⌋ + ⌊x + 1/n⌋ + … + ⌊x + (n-1)/n⌋ = ⌊nx⌋ (Hermite): together they are picked as one place would be.
      phases[place] = (first + k / share) % 1;
      place = (place + step) % count;
    }
  }
  return { places, rates, phases };
}

/** So many that none weighs more than the mean. Rounding must not split nodes of the mean weight in two. */
function placesOf(weight: number, mean: number): number {
  return Math.max(1, Math.ceil(weight / mean - 1e-9));
}

/** The greatest number up to `wanted` that has no divisor in common with `count`; 1 always has none. */
function coprime(wanted: number, count: number): number {
  for (let candidate = wanted; candidate > 1; candidate--) {
    if (greatestCommonDivisor(candidate, count) === 1) return candidate;
  }
  return 1;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
