import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OutstandingList, type Outstanding } from './outstanding.js';

function attempt(startedAt: number): Outstanding {
  return { startedAt, older: undefined, newer: undefined, inFlight: 1 };
}

describe('the attempts that wait for an answer', () => {
  it('tell when the oldest of them began, in whatever order they end', () => {
    const list = new OutstandingList();
    const [a, b, c] = [attempt(1), attempt(2), attempt(3)];
    expect(list.since).toBeUndefined();
    for (const one of [a, b, c]) list.add(one);
    list.remove(b);
    expect(list.since).toBe(1);
    list.remove(a);
    expect(list.since).toBe(3);
    list.remove(c);
    expect(list.since).toBeUndefined();
  });

  it('are taken out once: a second time changes nothing', () => {
    const list = new OutstandingList();
    const [a, b] = [attempt(1), attempt(2)];
    list.add(a);
    list.add(b);
    list.remove(a);
    list.remove(a);
    expect(list.since).toBe(2);
  });

  it('agree with a plain list over any sequence of starts and ends', () => {
    const steps = fc.array(fc.oneof(fc.constant('start' as const), fc.nat()), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (sequence) => {
        const list = new OutstandingList();
        const model: Outstanding[] = [];
        for (const [time, step] of sequence.entries()) {
          if (step === 'start') {
            model.push(attempt(time));
            list.add(model.at(-1)!);
          } else if (model.length > 0) {
            list.remove(model.splice(step % model.length, 1)[0]!);
          }
          expect(list.since).toBe(model[0]?.startedAt);
        }
      }),
    );
  });
});
