import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AliasTable } from './alias-table.js';

/** The exact share of each index, from evenly spaced chances. */
function shares(weights: readonly number[], draws = 200_000): number[] {
  const table = new AliasTable(weights);
  const counts = weights.map(() => 0);
  for (let i = 0; i < draws; i++) counts[table.draw((i + 0.5) / draws)]!++;
  return counts.map((count) => count / draws);
}

describe('the alias table', () => {
  it('draws each index as often as its weight says, whatever the weights', () => {
    const weight = fc.oneof(
      fc.integer({ min: 1, max: 10 }),
      fc.double({ min: 0.001, max: 65_535, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 40 }), (weights) => {
        const total = weights.reduce((sum, one) => sum + one, 0);
        const drawn = shares(weights, 40_000);
        for (const [index, one] of weights.entries()) {
          // Each of up to 40 columns is cut at one place, which costs one draw at most.
          expect(Math.abs(drawn[index]! - one / total)).toBeLessThan(42 / 40_000);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('never draws what has no weight', () => {
    expect(shares([0, 3, 0, 1])).toEqual([0, expect.closeTo(0.75, 4), 0, expect.closeTo(0.25, 4)]);
  });
});
