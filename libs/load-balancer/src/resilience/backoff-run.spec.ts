import { describe, expect, it } from '@jest/globals';
import { BackoffRun } from './backoff-run.js';

const AWAY = { initial: 100, multiplier: 2, jitter: 0.2, max: 400 };
const REFUSED = { initial: 1_000, multiplier: 2, jitter: 0.2, max: 30_000 };

describe('a run of failures', () => {
  it('grows within one kind, begins anew with another, and with a success', () => {
    const run = new BackoffRun(() => 0.5);
    const delays = [AWAY, AWAY, AWAY, AWAY, REFUSED, REFUSED, AWAY, REFUSED].map((kind) => run.next(kind));
    expect(delays).toEqual([100, 200, 400, 400, 1_000, 2_000, 100, 1_000]);
    expect(run.count).toBe(8);
    run.reset();
    expect(run.count).toBe(0);
    expect(run.next(REFUSED)).toBe(1_000);
  });

  it('moves each delay by chance', () => {
    expect(new BackoffRun(() => 0).next(REFUSED)).toBe(800);
    expect(new BackoffRun(() => 0.75).next(REFUSED)).toBe(1_100);
  });
});
