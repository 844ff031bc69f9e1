import { measure } from './measure.mjs';

/**
 * Round by round and cell by cell, each kind once: what drifts, and what else the machine does, hits all of them alike. The one that
 * begins is another in each round.
 *
 * @param {import('./fleet.mjs').Fleet} fleet
 * @param {{ kinds: string[], cells: import('./measure.mjs').Cell[], rounds: number, effort: number, budget?: number }} plan
 * `budget`: milliseconds after which no further round is begun
 * @yields {Measurement}
 *
 * @typedef {{ round: number, kind: string, payload: string, inFlight: number, clientCpu: number, serverCpu: number, p50: number,
 *   p99: number, rate: number }} Measurement
 */
export async function* runRounds(fleet, { kinds, cells, rounds, effort, budget = Infinity }) {
  const begin = performance.now();
  for (let round = 1; round <= rounds; round++) {
    const elapsed = performance.now() - begin;
    const likely = round === 1 ? 0 : elapsed / (round - 1);
    if (elapsed + likely > budget) return;
    for (const cell of cells) {
      for (const kind of rotated(kinds, round - 1)) {
        yield { round, kind, ...cell, ...(await measure(fleet, kind, cell, effort)) };
      }
    }
  }
}

function rotated(items, by) {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
