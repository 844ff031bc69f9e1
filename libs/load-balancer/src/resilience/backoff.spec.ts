import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffDelay, DEFAULT_BACKOFF } from './backoff.js';

describe('backoffDelay', () => {
  const middle = () => 0.5;

  it('grows from the initial delay by the multiplier', () => {
    const delays = [0, 1, 2].map((attempt) => Math.round(backoffDelay(DEFAULT_BACKOFF, attempt, middle)));
    expect(delays).toEqual([1_000, 1_600, 2_560]);
  });

  it('stops growing at the longest delay, after any number of attempts', () => {
    expect(backoffDelay(DEFAULT_BACKOFF, 11, middle)).toBe(120_000);
    expect(backoffDelay(DEFAULT_BACKOFF, 1_000_000, middle)).toBe(120_000);
  });

  it('moves each delay by the jitter in both directions, at the limit too', () => {
    expect(backoffDelay(DEFAULT_BACKOFF, 0, () => 0)).toBeCloseTo(800);
    expect(backoffDelay(DEFAULT_BACKOFF, 0, () => 1 - 1e-9)).toBeCloseTo(1_200);
    expect(backoffDelay(DEFAULT_BACKOFF, 100, () => 0)).toBeCloseTo(96_000);
  });

  it('never leaves its bounds', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, random) => {
          const delay = backoffDelay(DEFAULT_BACKOFF, attempt, () => random);
          expect(delay).toBeGreaterThanOrEqual(800);
          expect(delay).toBeLessThan(144_000.001);
        },
      ),
    );
  });
});
