import { expect, it } from '@jest/globals';
import { DelayWatch, type LateCalls } from './delay-watch.js';

/** Makes calls in equal distances, of which every so-manyth outlasts the delay, and tells each time that is found. */
function found(calls: number, { apart = 1_000, lateOf = [1, 1] } = {}): LateCalls[] {
  const watch = new DelayWatch();
  const [late = 1, of = 1] = lateOf;
  return Array.from({ length: calls }, (_, i) => {
    const verdict = watch.started(i * apart);
    if (i % of < late) watch.passed();
    return verdict;
  }).filter((verdict) => verdict !== undefined);
}

it('a delay that most calls outlast is below their median', () => {
  expect(found(101)).toEqual([{ late: 100, of: 100 }]);
  expect(found(101, { lateOf: [3, 5] })).toEqual([{ late: 60, of: 100 }]);
});

it('a delay that half of the calls keep to is not', () => {
  expect(found(1_000, { lateOf: [1, 2] })).toEqual([]);
});

it('few calls, or a short time, say nothing', () => {
  expect(found(100)).toEqual([]);
  expect(found(15_000, { apart: 1 })).toEqual([]);
  expect(found(15_001, { apart: 1 })).toEqual([{ late: 15_000, of: 15_000 }]);
});

it('old calls do not count: after a bad time there is nothing to tell of a good one', () => {
  const watch = new DelayWatch();
  const verdicts = Array.from({ length: 400 }, (_, i) => {
    const verdict = watch.started(i * 1_000);
    if (i < 100) watch.passed();
    return verdict;
  });
  expect(verdicts.flatMap((verdict, i) => (verdict ? [[i, verdict]] : []))).toEqual([
    [100, { late: 100, of: 100 }],
  ]);
});
