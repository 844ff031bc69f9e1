import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PendingQueue, type DropPolicy, type PendingEntry } from './pending-queue.js';

class Item implements PendingEntry {
  pendingIn: object | null = null;
  pendingNext: PendingEntry | null = null;
  pendingPrevious: PendingEntry | null = null;

  constructor(
    readonly name: number | string,
    readonly deadline = Infinity,
  ) {}
}

function filled(capacity: number, drop: DropPolicy, ...items: Item[]) {
  const queue = new PendingQueue<Item>(capacity, drop);
  for (const item of items) queue.push(item, 0);
  return queue;
}

function drained(queue: PendingQueue<Item>, now = 0): (number | string)[] {
  const names: (number | string)[] = [];
  for (let item = queue.shift(now); item; item = queue.shift(now)) names.push(item.name);
  return names;
}

describe('PendingQueue', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => () => new Item(name)) as [
    () => Item,
    () => Item,
    () => Item,
    () => Item,
  ];

  it('calls up first who came first', () => {
    const queue = filled(3, 'newest', a(), b(), c());
    expect(queue.size).toBe(3);
    expect(drained(queue)).toEqual(['a', 'b', 'c']);
    expect(queue.size).toBe(0);
  });

  it('shows who is next, and passes over who is too late, without calling anybody up', () => {
    const queue = filled(3, 'newest', new Item('late', 10), a(), b());
    expect(queue.peek(0)?.name).toBe('late');
    expect(queue.peek(10)?.name).toBe('a');
    expect(queue.peek(10)?.pendingIn).toBe(queue);
    expect(drained(queue)).toEqual(['a', 'b']);
    expect(queue.peek(10)).toBeUndefined();
  });

  it('turns away the newcomer when it is full, or the oldest, as it is told', () => {
    const newest = filled(2, 'newest', a(), b());
    expect(newest.push(c(), 0)?.name).toBe('c');
    expect(drained(newest)).toEqual(['a', 'b']);

    const oldest = filled(2, 'oldest', a(), b());
    expect(oldest.push(c(), 0)?.name).toBe('a');
    expect(drained(oldest)).toEqual(['b', 'c']);
  });

  it.each<DropPolicy>(['oldest', 'newest'])('turns everybody away without room for anybody (%s)', (drop) => {
    const queue = new PendingQueue<Item>(0, drop);
    const item = a();
    expect(queue.push(item, 0)).toBe(item);
    expect(queue.shift(0)).toBeUndefined();
  });

  it('lets anybody leave before their turn, once', () => {
    for (const leaving of [0, 1, 2]) {
      const items = [a(), b(), c()];
      const queue = filled(3, 'newest', ...items);
      const [left] = items.splice(leaving, 1);
      expect(queue.remove(left!)).toBe(true);
      expect(queue.remove(left!)).toBe(false);
      queue.push(d(), 0);
      expect(drained(queue)).toEqual([...items.map(({ name }) => name), 'd']);
    }
  });

  it('does not let go of somebody who waits elsewhere', () => {
    const item = a();
    const queue = filled(1, 'newest', item);
    expect(new PendingQueue<Item>(1, 'newest').remove(item)).toBe(false);
    expect(drained(queue)).toEqual(['a']);
  });

  it('sends to the end who joins again', () => {
    const item = a();
    const queue = filled(2, 'newest', item, b());
    expect(queue.push(item, 0)).toBeUndefined();
    expect(queue.size).toBe(2);
    expect(drained(queue)).toEqual(['b', 'a']);
  });

  it('never calls up somebody whose deadline has passed', () => {
    const queue = filled(4, 'newest', new Item('late', 10), new Item('later', 11), new Item('in time', 12));
    expect(queue.shift(11)?.name).toBe('in time');
    expect(queue.shift(11)).toBeUndefined();
    expect(queue.size).toBe(0);
  });

  it('turns nobody away for those at its head whose deadline has passed', () => {
    const queue = filled(2, 'newest', new Item('late', 10), b());
    expect(queue.push(c(), 10)).toBeUndefined();
    expect(drained(queue, 10)).toEqual(['b', 'c']);
  });

  it('holds on to nothing of those who left', () => {
    const items = [a(), b(), c()];
    const queue = filled(3, 'newest', ...items);
    queue.remove(items[1]!);
    drained(queue);
    for (const item of items) {
      expect([item.pendingIn, item.pendingNext, item.pendingPrevious]).toEqual([null, null, null]);
    }
  });

  it('does what a plain list would do', () => {
    const command = fc.oneof(
      fc.record({ type: fc.constant('push' as const), life: fc.nat({ max: 20 }) }),
      fc.record({ type: fc.constant('shift' as const) }),
      fc.record({ type: fc.constant('remove' as const), which: fc.nat() }),
      fc.record({ type: fc.constant('wait' as const), time: fc.nat({ max: 8 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 100 }),
        fc.nat({ max: 6 }),
        fc.constantFrom<DropPolicy>('oldest', 'newest'),
        (commands, capacity, drop) => {
          const queue = new PendingQueue<Item>(capacity, drop);
          let model: Item[] = [];
          const all: Item[] = [];
          let now = 0;
          const skip = () => {
            const first = model.findIndex((item) => item.deadline > now);
            model = first === -1 ? [] : model.slice(first);
          };
          for (const step of commands) {
            switch (step.type) {
              case 'push': {
                const item = new Item(all.length, now + step.life);
                all.push(item);
                skip();
                let dropped: Item | undefined;
                if (model.length < capacity) model.push(item);
                else if (drop === 'newest' || capacity === 0) dropped = item;
                else {
                  dropped = model.shift();
                  model.push(item);
                }
                expect(queue.push(item, now)).toBe(dropped);
                break;
              }
              case 'shift':
                skip();
                expect(queue.shift(now)).toBe(model.shift());
                break;
              case 'remove': {
                const item = all[step.which % Math.max(1, all.length)];
                if (!item) break;
                expect(queue.remove(item)).toBe(model.includes(item));
                model = model.filter((other) => other !== item);
                break;
              }
              case 'wait':
                now += step.time;
            }
            expect(queue.size).toBe(model.length);
          }
        },
      ),
    );
  });
});
