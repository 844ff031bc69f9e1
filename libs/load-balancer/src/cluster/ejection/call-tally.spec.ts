import { describe, expect, it } from '@jest/globals';
import { CallTally } from './call-tally.js';

const MEMORY = 1_000;

describe('the tally of a node', () => {
  it('tells how many attempts ended how, and how long those took that were answered', () => {
    const tally = new CallTally();
    tally.success(10);
    tally.success(30);
    tally.failure(0, MEMORY, false);
    expect(tally).toMatchObject({ requests: 3, successes: 2, failures: 1, meanLatency: 20 });
    expect(tally.successRate).toBeCloseTo(2 / 3, 9);
  });

  it('counts failures in a row until a success', () => {
    const tally = new CallTally();
    for (let i = 0; i < 4; i++) tally.failure(i, MEMORY, false);
    expect(tally.inARow).toBe(4);
    tally.success(1);
    expect(tally.inARow).toBe(0);
  });

  it('begins a new row after a pause that is longer than its memory, not one as long', () => {
    const tally = new CallTally();
    tally.failure(0, MEMORY, false);
    tally.failure(MEMORY, MEMORY, false);
    expect(tally.inARow).toBe(2);
    tally.failure(2 * MEMORY + 1, MEMORY, false);
    expect(tally.inARow).toBe(1);
  });

  it('counts what comes of one cause once in the row, but each as a failure', () => {
    const tally = new CallTally();
    tally.failure(0, MEMORY, true);
    tally.failure(1, MEMORY, true);
    tally.failure(2, MEMORY, true);
    expect(tally).toMatchObject({ inARow: 1, failures: 3 });
    tally.failure(3, MEMORY, false);
    expect(tally.inARow).toBe(2);
  });

  it('forgets counts and latencies at the end of an interval, but not the row', () => {
    const tally = new CallTally();
    tally.success(500);
    tally.failure(0, MEMORY, false);
    tally.reset();
    expect(tally).toMatchObject({ requests: 0, inARow: 1 });
    tally.success(10);
    expect(tally.meanLatency).toBe(10);
  });
});
