import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { priorityShares } from './priority-shares.js';

const level = (healthy: number, total = 100) => ({ healthy, total });
const rounded = (...levels: { healthy: number; total: number }[]): number[] =>
  priorityShares(levels).map((share) => Math.round(share * 100));

describe('the shares of priorities', () => {
  // The table of Envoy's documentation, "Priority levels".
  it.each([
    [100, 0, 100, 0],
    [72, 72, 100, 0],
    [71, 71, 99, 1],
    [50, 50, 70, 30],
    [25, 100, 35, 65],
    [0, 100, 0, 100],
    [25, 25, 50, 50],
  ])('with %d %% and %d %% healthy are %d %% and %d %%', (first, second, ofFirst, ofSecond) => {
    expect(rounded(level(first), level(second))).toEqual([ofFirst, ofSecond]);
  });

  it('go by the number of nodes when none is healthy', () => {
    expect(rounded(level(0, 10), level(0, 30))).toEqual([25, 75]);
    expect(priorityShares([])).toEqual([]);
    expect(priorityShares([level(0, 0)])).toEqual([0]);
  });

  it('are never negative and add up to 1, whatever is healthy', () => {
    const levels = fc.array(
      fc.tuple(fc.nat(20), fc.nat(20)).map(([healthy, ill]) => level(healthy, healthy + ill)),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(levels, (levels) => {
        const shares = priorityShares(levels);
        for (const [i, share] of shares.entries()) {
          expect(share).toBeGreaterThanOrEqual(0);
          if (levels[i]!.total === 0) expect(share).toBe(0);
        }
        const nodes = levels.some(({ total }) => total > 0);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(nodes ? 1 : 0, 9);
      }),
    );
  });
});
