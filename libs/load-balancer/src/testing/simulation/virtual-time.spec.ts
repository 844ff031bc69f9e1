import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VirtualTime } from './virtual-time.js';

it('lets everything happen at its time, and what is planned for one moment in the order of the planning', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 200 }), (delays) => {
      const time = new VirtualTime();
      const happened: [number, number][] = [];
      delays.forEach((delay, i) => time.afterwards(delay, () => happened.push([time.now(), i])));
      time.run(100);
      const inOrder = delays
        .map((delay, i) => [delay, i])
        .sort(([a = 0, i = 0], [b = 0, j = 0]) => a - b || i - j);
      expect(happened).toEqual(inOrder);
    }),
  );
});

it('goes on from where it was, and takes in what comes of what happens', () => {
  const time = new VirtualTime();
  const seen: number[] = [];
  const again = (): void => {
    seen.push(time.now());
    time.afterwards(10, again);
  };
  again();
  time.run(25);
  expect(time.now()).toBe(25);
  expect(seen).toEqual([0, 10, 20]);
  time.run(30);
  expect(seen).toEqual([0, 10, 20, 30]);
});

it('has timers that can be cancelled, none of them shorter than a millisecond', () => {
  const time = new VirtualTime();
  const { setTimer, now } = time.source(() => 0);
  const fired: [string, number][] = [];
  setTimer(() => fired.push(['at once', now()]), 0);
  setTimer(() => fired.push(['later', now()]), 5);
  const cancel = setTimer(() => fired.push(['cancelled', now()]), 3);
  cancel();
  time.run(10);
  cancel();
  expect(fired).toEqual([
    ['at once', 1],
    ['later', 5],
  ]);
});

it('has tickers that can be ended, by themselves, too', () => {
  const time = new VirtualTime();
  const { every, now } = time.source(() => 0);
  const ticks: number[] = [];
  const end = every(() => {
    ticks.push(now());
    if (ticks.length === 3) end();
  }, 250);
  time.run(10_000);
  expect(ticks).toEqual([250, 500, 750]);
});

it('shows a wall clock that goes as the other one does', () => {
  const time = new VirtualTime();
  const { wall } = time.source(() => 0);
  const before = wall();
  time.run(1_234);
  expect(wall() - before).toBe(1_234);
});
