import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../testing/seeded-random.js';
import { DEFAULT_SHARES, PriorityShedding } from './priority-shedding.js';

const middle = () => 0.5;

/** Sheds for a server that has just finished `ended` requests within a second. */
function draining(ended: number, random = middle): PriorityShedding {
  const shedding = new PriorityShedding(random);
  for (let i = 0; i < ended; i++) shedding.onEnd(0);
  return shedding;
}

describe('PriorityShedding', () => {
  it('refuses the least important first as the load nears the limit', () => {
    const admitted = (inFlight: number) =>
      DEFAULT_SHARES.map(
        (_, priority) =>
          new PriorityShedding(middle).check({ limit: 100, inFlight }, priority, 0) === undefined,
      );

    expect(admitted(69)).toEqual([true, true, true, true]);
    expect(admitted(70)).toEqual([true, true, true, false]);
    expect(admitted(80)).toEqual([true, true, false, false]);
    expect(admitted(90)).toEqual([true, false, false, false]);
    expect(admitted(99)).toEqual([true, false, false, false]);
    expect(admitted(100)).toEqual([false, false, false, false]);
  });

  it('never refuses the only request', () => {
    expect(new PriorityShedding(middle).check({ limit: 1, inFlight: 0 }, 3, 0)).toBeUndefined();
  });

  it('counts a priority beyond the last as the last', () => {
    const shedding = new PriorityShedding(middle);
    expect(shedding.check({ limit: 10, inFlight: 7 }, 99, 0)).toBeDefined();
    expect(shedding.check({ limit: 10, inFlight: 6 }, 99, 0)).toBeUndefined();
  });

  it('sheds by shares of one own', () => {
    const shedding = new PriorityShedding(middle, [1, 0.5]);
    expect(shedding.check({ limit: 10, inFlight: 5 }, 1, 0)).toBeDefined();
    expect(shedding.check({ limit: 10, inFlight: 5 }, 0, 0)).toBeUndefined();
  });

  it('tells to come back once those who were refused before could have been served', () => {
    const shedding = draining(100);
    const full = { limit: 10, inFlight: 10 };
    const answers = Array.from({ length: 200 }, () => shedding.check(full, 0, 500)?.retryAfter);
    // 100 a second: the hundredth has to wait a second, the two hundredth two.
    expect(answers[0]).toBe(50);
    expect(answers[99]).toBe(1_000);
    expect(answers[199]).toBe(2_000);
  });

  it('tells the less important to stay away for longer', () => {
    const load = { limit: 100, inFlight: 100 };
    const [most, least] = [0, 3].map((priority) => draining(100).check(load, priority, 0)?.retryAfter);
    expect(least).toBeGreaterThan(most!);
  });

  it('asks for the longest wait when nothing has ended lately', () => {
    const latest = () => 1 - Number.EPSILON;
    expect(draining(0, latest).check({ limit: 1, inFlight: 1 }, 0, 0)).toEqual({ retryAfter: 5_000 });
    expect(draining(1_000, latest).check({ limit: 1, inFlight: 1 }, 0, 60_000)).toEqual({
      retryAfter: 5_000,
    });
  });

  it('spreads the return of those it refused, the longest waits included', () => {
    const shedding = draining(0, seededRandom(1));
    const times = Array.from(
      { length: 1_000 },
      () => shedding.check({ limit: 1, inFlight: 1 }, 0, 0)!.retryAfter,
    );
    const halfSeconds = new Array<number>(20).fill(0);
    for (const time of times) halfSeconds[Math.floor(time / 500)]!++;
    const busiest = Math.max(...halfSeconds);
    // From 2.5 to 5 s, evenly.
    expect(busiest).toBeLessThan(250);
  });

  it('admits what matters more wherever it admits what matters less, and refuses with a delay that makes sense', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.nat({ max: 1_200 }),
        fc.nat({ max: 500 }),
        fc.nat(),
        (limit, inFlight, ended, seed) => {
          const verdicts = DEFAULT_SHARES.map((_, priority) =>
            draining(ended, seededRandom(seed)).check({ limit, inFlight }, priority, 0),
          );
          for (let priority = 1; priority < verdicts.length; priority++) {
            if (verdicts[priority] === undefined) expect(verdicts[priority - 1]).toBeUndefined();
          }
          for (const refusal of verdicts) {
            if (!refusal) continue;
            expect(inFlight).toBeGreaterThanOrEqual(Math.min(limit, Math.max(1, Math.floor(limit * 0.7))));
            expect(Number.isInteger(refusal.retryAfter)).toBe(true);
            expect(refusal.retryAfter).toBeGreaterThanOrEqual(25);
            expect(refusal.retryAfter).toBeLessThanOrEqual(5_000);
          }
        },
      ),
    );
  });
});
