import { BASELINE } from '../kinds/index.mjs';

const small = (inFlight) => ({ payload: 'small', inFlight });

/** What the fast path must reach (issue 3): a ratio of CPU a call, paired within the rounds. */
const BARS = [
  { what: 'client CPU, small, c=64', cell: small(64), limit: 0.6 },
  { what: 'client CPU, small, c=512', cell: small(512), limit: 0.45 },
  { what: 'client CPU, small, c=1', cell: small(1), limit: 1 },
  { what: 'client CPU, 4 KB, c=64', cell: { payload: '4kb', inFlight: 64 }, limit: 0.9 },
  { what: 'client CPU, small, c=512', cell: small(512), limit: 1.6, base: 'raw' },
  // Of the servers alone, with our client on both sides; then of all that changes when both sides are ours.
  ...['ours-stock', BASELINE].map((base) => ({
    what: 'server CPU, small, c=64',
    cell: small(64),
    limit: 0.8,
    kind: 'ours-balanced',
    base,
    field: 'serverCpu',
  })),
];

/**
 * Each bar with what was measured for it. Medians are judged.
 *
 * @param {import('./results.mjs').Results} results
 * @returns {{ what: string, kind: string, base: string, limit: number, ratio?: { median: number, min: number, max: number },
 *   holds?: boolean }[]} without a ratio when it was not measured
 */
export function judgeBars(results) {
  return BARS.map(({ what, cell, limit, kind = 'ours-stock', base = BASELINE, field = 'clientCpu' }) => {
    const ratio = results.ratio(cell, kind, base, field);
    return { what, kind, base, limit, ratio, holds: ratio && ratio.median <= limit };
  });
}
