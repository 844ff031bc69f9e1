import { describe, expect, it } from '@jest/globals';
import type { AttemptOutcome } from './attempt-record.js';
import { observedLatency } from './failure-penalty.js';

describe('the latency that an attempt stands for', () => {
  it('is what it took when it was answered or timed out', () => {
    expect(observedLatency('answered', 12)).toBe(12);
    expect(observedLatency('timed-out', 800)).toBe(800);
  });

  it.each<AttemptOutcome>(['refused', 'rejected', 'lost'])('is seconds when it was %s at once', (outcome) => {
    expect(observedLatency(outcome, 1)).toBe(5_000);
    expect(observedLatency(outcome, 7_000)).toBe(7_000);
  });

  it('is as long as the server wants to be left alone, up to five minutes', () => {
    expect(observedLatency('rejected', 1, 60_000)).toBe(60_000);
    expect(observedLatency('rejected', 1, 1e9)).toBe(300_000);
  });

  it.each<AttemptOutcome>(['sent', 'cancelled'])('is unknown when it was %s', (outcome) => {
    expect(observedLatency(outcome, 1)).toBeUndefined();
  });
});
