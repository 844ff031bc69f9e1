import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlidingCount } from './sliding-count.js';

describe('SlidingCount', () => {
  it('forgets what is older than its window, and nothing younger than nine tenths of it', () => {
    const count = new SlidingCount(1_000);
    count.add(3, 550);
    count.add(4, 650);

    expect(count.sum(1_449)).toBe(7);
    expect(count.sum(1_550)).toBe(4);
    expect(count.sum(1_650)).toBe(0);
  });

  it('leaves nothing when the clock jumps ahead by a window or more', () => {
    const count = new SlidingCount(1_000);
    count.add(1, 100);
    expect(count.sum(9_999_999)).toBe(0);
    count.add(2, 9_999_999);
    expect(count.sum(9_999_999)).toBe(2);
  });

  it('stands still when the clock goes back', () => {
    const count = new SlidingCount(1_000);
    count.add(1, 5_000);
    count.add(1, 10);
    expect(count.sum(0)).toBe(2);
    expect(count.sum(5_899)).toBe(2);
    expect(count.sum(6_000)).toBe(0);
  });

  it('counts what is in the window, whatever the times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ wait: fc.nat({ max: 400 }), amount: fc.nat({ max: 5 }) })),
        (additions) => {
          const count = new SlidingCount(1_000);
          const added: { at: number; amount: number }[] = [];
          let now = 0;
          for (const { wait, amount } of additions) {
            now += wait;
            count.add(amount, now);
            added.push({ at: now, amount });
            const within = (age: number) =>
              added.reduce((sum, addition) => sum + (now - addition.at < age ? addition.amount : 0), 0);
            expect(count.sum(now)).toBeGreaterThanOrEqual(within(900));
            expect(count.sum(now)).toBeLessThanOrEqual(within(1_000));
          }
        },
      ),
    );
  });
});
