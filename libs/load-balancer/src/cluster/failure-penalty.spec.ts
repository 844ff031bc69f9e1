import { describe, expect, it } from '@jest/globals';
import { failurePenalty } from './failure-penalty.js';

describe('the latency that a failed attempt stands for', () => {
  it('is what it took when it timed out', () => {
    expect(failurePenalty('timed-out', 800)).toBe(800);
  });

  it.each(['refused', 'rejected', 'lost'] as const)('is seconds when it was %s at once', (outcome) => {
    expect(failurePenalty(outcome, 1)).toBe(5_000);
    expect(failurePenalty(outcome, 7_000)).toBe(7_000);
  });

  it('is as long as the server wants to be left alone, up to five minutes', () => {
    expect(failurePenalty('rejected', 1, 60_000)).toBe(60_000);
    expect(failurePenalty('rejected', 1, 1e9)).toBe(300_000);
  });
});
