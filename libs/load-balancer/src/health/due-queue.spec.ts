import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DueQueue, type Due } from './due-queue.js';

interface Item extends Due {
  readonly id: number;
}

const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ schedule: fc.nat(20), due: fc.integer({ min: 0, max: 50 }) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(20) }) },
);

describe('DueQueue', () => {
  it('always gives the earliest item, whatever was queued, moved and removed before', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const queue = new DueQueue<Item>();
        const items = Array.from({ length: 21 }, (_, id): Item => ({ id, due: 0, slot: -1 }));
        const queued = new Map<number, number>();
        for (const step of commands) {
          if ('schedule' in step) {
            queue.schedule(items[step.schedule]!, step.due);
            queued.set(step.schedule, step.due);
          } else {
            queue.remove(items[step.remove]!);
            queued.delete(step.remove);
          }
          expect(queue.size).toBe(queued.size);
          expect(queue.peek()?.due).toBe(queued.size > 0 ? Math.min(...queued.values()) : undefined);
        }
        const drained: number[] = [];
        for (let item = queue.peek(); item; item = queue.peek()) {
          drained.push(item.due);
          queue.remove(item);
        }
        expect(drained).toEqual([...queued.values()].sort((a, b) => a - b));
        expect(items.every((item) => item.slot === -1)).toBe(true);
      }),
    );
  });
});
