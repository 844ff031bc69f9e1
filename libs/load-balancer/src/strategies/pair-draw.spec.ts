import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fakeNodes } from '../testing/fake-nodes.js';
import { seededRandom } from '../testing/seeded-random.js';
import { PairDraw } from './pair-draw.js';

describe('a draw of two', () => {
  it('gives two distinct nodes of the set, whatever the weights, and none from fewer than two', () => {
    const weights = fc.array(fc.double({ min: 0.001, max: 65_535, noNaN: true }), { maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.integer(), (weights, seed) => {
        const nodes = fakeNodes(weights.length).map((node, i) => ({ ...node, weight: weights[i]! }));
        const pair = new PairDraw<(typeof nodes)[number]>(seededRandom(seed));
        pair.update(nodes);
        for (let i = 0; i < 50; i++) {
          expect(pair.draw()).toBe(nodes.length >= 2);
          if (nodes.length < 2) continue;
          expect(nodes).toContain(pair.first);
          expect(nodes).toContain(pair.second);
          expect(pair.first).not.toBe(pair.second);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('draws the first one by weight', () => {
    const nodes = fakeNodes(3).map((node, i) => ({ ...node, weight: [1, 3, 6][i]! }));
    const pair = new PairDraw<(typeof nodes)[number]>(seededRandom(1));
    pair.update(nodes);
    for (let i = 0; i < 100_000; i++) {
      pair.draw();
      pair.first.inFlight++;
    }
    // 4 σ of the smallest share is 380.
    for (const { weight, inFlight } of nodes) expect(Math.abs(inFlight - weight * 10_000)).toBeLessThan(700);
  });
});
