import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TimerWheel, UNSCHEDULED, type TimerEntry } from './timer-wheel.js';

class Item implements TimerEntry {
  timerSlot = UNSCHEDULED;
  timerTick = 0;
  timerNext: TimerEntry | null = null;
  timerPrevious: TimerEntry | null = null;

  constructor(readonly name = '') {}
}

function recording(options?: { tick?: number; slots?: number }) {
  const fired: string[] = [];
  return { fired, wheel: new TimerWheel<Item>((item) => fired.push(item.name), options) };
}

describe('TimerWheel', () => {
  it('fires an entry once, not before its deadline and at most a tick after it', () => {
    const { wheel, fired } = recording({ tick: 5 });
    wheel.advance(1000);
    wheel.schedule(new Item('a'), 1012);

    wheel.advance(1011.9);
    expect(fired).toEqual([]);
    expect(wheel.advance(1017)).toBe(1);
    wheel.advance(9000);
    expect(fired).toEqual(['a']);
    expect(wheel.size).toBe(0);
  });

  it('does not fire an entry that was cancelled, whatever its place among those of its slot', () => {
    for (const cancelled of ['first', 'middle', 'last']) {
      const { wheel, fired } = recording();
      const items = ['first', 'middle', 'last'].map((name) => new Item(name));
      for (const item of items) wheel.schedule(item, 100);
      const victim = items.find((item) => item.name === cancelled)!;

      expect(wheel.cancel(victim)).toBe(true);
      expect(wheel.cancel(victim)).toBe(false);
      wheel.advance(100);

      expect(fired.sort()).toEqual(['first', 'last', 'middle'].filter((name) => name !== cancelled));
    }
  });

  it('moves an entry that is scheduled again', () => {
    const { wheel, fired } = recording();
    const item = new Item('a');
    wheel.schedule(item, 100);
    wheel.schedule(item, 200);

    expect(wheel.size).toBe(1);
    wheel.advance(199);
    expect(fired).toEqual([]);
    wheel.advance(200);
    expect(fired).toEqual(['a']);
  });

  it('keeps an entry through as many rotations as it takes', () => {
    const { wheel, fired } = recording({ tick: 1, slots: 4 });
    wheel.schedule(new Item('far'), 1001);
    for (let now = 0; now <= 1000; now++) wheel.advance(now);
    expect(fired).toEqual([]);
    wheel.advance(1001);
    expect(fired).toEqual(['far']);
  });

  it('fires all that is due when the clock jumps ahead by many rotations, and nothing when it goes back', () => {
    const { wheel, fired } = recording({ tick: 5, slots: 8 });
    wheel.advance(1_000_000);
    wheel.schedule(new Item('a'), 1_000_003);
    wheel.schedule(new Item('b'), 1_007_777);
    wheel.schedule(new Item('later'), 9_000_000);

    expect(wheel.advance(10)).toBe(0);
    expect(wheel.advance(2_000_000)).toBe(2);
    expect(fired.sort()).toEqual(['a', 'b']);
  });

  it('looks at each slot once at most, however far the clock jumps', () => {
    const { wheel, fired } = recording({ tick: 1, slots: 8 });
    for (const [i, name] of ['a', 'b', 'c'].entries()) wheel.schedule(new Item(name), i);
    wheel.schedule(new Item('never'), Number.MAX_SAFE_INTEGER);
    expect(wheel.advance(2 ** 52)).toBe(3); // tick by tick this would take weeks
    expect(fired.sort()).toEqual(['a', 'b', 'c']);
  });

  it('is not early by a rounding error', () => {
    const ticks = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 40 }));
    fc.assert(
      fc.property(ticks, fc.integer({ min: 1, max: 1000 }), (n, tick) => {
        const time = n * tick;
        const ulp = 2 ** (Math.floor(Math.log2(time)) - 52);
        const { wheel, fired } = recording({ tick });
        wheel.advance(time - tick);
        wheel.schedule(new Item('at'), time);
        wheel.schedule(new Item('just after'), time + ulp);
        wheel.advance(time - ulp);
        expect(fired).toEqual([]);
        wheel.advance(time);
        expect(fired).toEqual(['at']);
      }),
      { numRuns: 2000 },
    );
  });

  it('fires an overdue entry within one tick', () => {
    const { wheel, fired } = recording({ tick: 5 });
    wheel.advance(1000);
    wheel.schedule(new Item('late'), 3);
    wheel.advance(1005);
    expect(fired).toEqual(['late']);
  });

  it('lets a firing entry cancel others that are due at the same time', () => {
    const a = new Item('a');
    const b = new Item('b');
    const fired: string[] = [];
    const wheel = new TimerWheel<Item>((item) => {
      fired.push(item.name);
      wheel.cancel(item === a ? b : a);
    });
    wheel.schedule(a, 10);
    wheel.schedule(b, 12);

    expect(wheel.advance(5000)).toBe(1);
    expect(fired).toHaveLength(1);
    expect(wheel.size).toBe(0);
    expect(wheel.advance(10_000)).toBe(0);
  });

  it('ends although each firing entry schedules itself again with a deadline long past', () => {
    let fired = 0;
    const wheel = new TimerWheel<Item>((item) => {
      fired++;
      wheel.schedule(item, 0);
    });
    wheel.schedule(new Item(), 10);

    wheel.advance(5000);
    expect(fired).toBe(1);
    wheel.advance(5005);
    expect(fired).toBe(2);
  });

  it('loses no entry when one throws', () => {
    const fired: string[] = [];
    const wheel = new TimerWheel<Item>((item) => {
      fired.push(item.name);
      if (fired.length === 1) throw new Error('from a listener');
    });
    for (const name of ['a', 'b', 'c']) wheel.schedule(new Item(name), 10);

    expect(() => wheel.advance(10)).toThrow('from a listener');
    expect(wheel.nextDue()).toBeLessThanOrEqual(10);
    expect(wheel.advance(10)).toBe(2);
    expect(fired.sort()).toEqual(['a', 'b', 'c']);
  });

  it('names a next time that is never after the first deadline it has to meet', () => {
    const { wheel } = recording({ tick: 5, slots: 16 });
    expect(wheel.nextDue()).toBe(Infinity);
    wheel.advance(1000);
    wheel.schedule(new Item('b'), 1048);
    const item = new Item('a');
    wheel.schedule(item, 1021);
    expect(wheel.nextDue()).toBe(1025);
    wheel.cancel(item);
    expect(wheel.nextDue()).toBe(1050);
  });

  it('lets go of the neighbours of an entry that left', () => {
    const { wheel } = recording();
    const items = [new Item(), new Item(), new Item()];
    for (const item of items) wheel.schedule(item, 50);
    wheel.cancel(items[1]!);
    expect(items[1]).toMatchObject({ timerNext: null, timerPrevious: null, timerSlot: UNSCHEDULED });
  });

  it('fires exactly what a sorted list would, for any schedule, cancellation and clock', () => {
    const time = fc.oneof(
      fc.integer({ min: 0, max: 400 }),
      fc.double({ min: 0, max: 400, noNaN: true }),
      fc.integer({ min: 0, max: 80 }).map((ticks) => ticks * 5 + Number.EPSILON * 512),
      fc.constant(1e9),
    );
    const item = fc.nat({ max: 9 });
    const step = fc.oneof(
      fc.record({ do: fc.constant('schedule' as const), item, time }),
      fc.record({ do: fc.constant('cancel' as const), item, time }),
      fc.record({ do: fc.constant('advance' as const), item, time }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(1, 3, 5, 7),
        fc.constantFrom(2, 8, 1024),
        (steps, tick, slots) => {
          const deadlines = new Map<Item, { deadline: number; since: number }>();
          const items = Array.from({ length: 10 }, () => new Item());
          let now = 0;
          const wheel = new TimerWheel<Item>(
            (fired) => {
              const scheduled = deadlines.get(fired);
              expect(scheduled?.deadline).toBeLessThanOrEqual(now);
              deadlines.delete(fired);
            },
            { tick, slots },
          );
          for (const each of steps) {
            const one = items[each.item]!;
            if (each.do === 'schedule') {
              wheel.schedule(one, each.time);
              deadlines.set(one, { deadline: each.time, since: now });
            } else if (each.do === 'cancel') {
              expect(wheel.cancel(one)).toBe(deadlines.delete(one));
            } else {
              now = Math.max(now, each.time);
              const next = wheel.nextDue();
              const fired = wheel.advance(each.time);
              if (each.time < next) expect(fired).toBe(0);
            }
            expect(wheel.size).toBe(deadlines.size);
            for (const { deadline, since } of deadlines.values()) {
              expect(Math.max(deadline, since) + tick).toBeGreaterThan(now);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
