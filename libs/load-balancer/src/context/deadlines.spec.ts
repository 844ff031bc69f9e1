import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { DeadlineEntry, Deadlines } from './deadlines.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** A tick of the wheel, and one millisecond for the timer. */
const LATE = 6;
const LONGEST_SLEEP = 100;

class Entry extends DeadlineEntry {
  firedAt: number[] = [];

  constructor(private readonly also?: () => void) {
    super();
  }

  onDeadline(): void {
    this.firedAt.push(performance.now());
    this.also?.();
  }
}

const now = (): number => performance.now();

it('calls back after the deadline, by no more than a tick', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 20_000 }), fc.nat({ max: 300 }), fc.boolean()), { maxLength: 20 }),
      (plan) => {
        const deadlines = new Deadlines();
        const armed = plan.map(([within, pause, disarmed]) => {
          jest.advanceTimersByTime(pause);
          const entry = new Entry();
          const deadline = now() + within;
          deadlines.arm(entry, deadline, now());
          return { entry, deadline, disarmed, disarm: () => deadlines.disarm(entry) };
        });
        for (const { entry, disarmed, disarm } of armed) if (disarmed && entry.firedAt.length === 0) disarm();
        jest.advanceTimersByTime(25_000);
        for (const { entry, deadline, disarmed } of armed) {
          const [at, ...again] = entry.firedAt;
          expect(again).toEqual([]);
          if (at === undefined) expect(disarmed).toBe(true);
          else {
            expect(at).toBeGreaterThanOrEqual(deadline);
            expect(at).toBeLessThanOrEqual(deadline + LATE);
          }
        }
        expect(jest.getTimerCount()).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});

describe('the timer', () => {
  it('is one, however many calls there are', () => {
    const deadlines = new Deadlines();
    for (let i = 0; i < 1_000; i++) deadlines.arm(new Entry(), now() + 5_000 + i, now());
    expect(jest.getTimerCount()).toBe(1);
  });

  it('keeps a process alive no longer than 100 ms when every call has been answered', () => {
    const deadlines = new Deadlines();
    const entry = new Entry();
    deadlines.arm(entry, now() + 5_000, now());
    deadlines.disarm(entry);
    jest.advanceTimersByTime(LONGEST_SLEEP);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('wakes ten times a second at most for deadlines that are far off', () => {
    const deadlines = new Deadlines();
    deadlines.arm(new Entry(), now() + 3_000, now());
    let wakes = 0;
    const { setTimeout: real } = globalThis;
    const counting = (...args: Parameters<typeof real>): NodeJS.Timeout => {
      wakes++;
      return real(...args);
    };
    const spy = jest.spyOn(globalThis, 'setTimeout').mockImplementation(counting);
    jest.advanceTimersByTime(2_000);
    spy.mockRestore();
    expect(wakes).toBeLessThanOrEqual(2_000 / LONGEST_SLEEP + 1);
  });
});

it('goes on when a callback throws', () => {
  const deadlines = new Deadlines();
  const bad = new Entry(() => {
    throw new Error('a bug');
  });
  const good = new Entry();
  deadlines.arm(bad, now() + 10, now());
  deadlines.arm(good, now() + 10, now());
  const later = new Entry();
  deadlines.arm(later, now() + 50, now());
  expect(() => jest.advanceTimersByTime(30)).toThrow('a bug');
  jest.advanceTimersByTime(100);
  expect([bad, good, later].map(({ firedAt }) => firedAt.length)).toEqual([1, 1, 1]);
});

it('lets a callback arm the next', () => {
  const deadlines = new Deadlines();
  const second = new Entry();
  const first = new Entry(() => deadlines.arm(second, now() + 20, now()));
  deadlines.arm(first, now() + 20, now());
  jest.advanceTimersByTime(20 + LATE + 20 + LATE);
  expect(second.firedAt).toHaveLength(1);
});
