import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LatencyWindow } from './latency-window.js';

function windowOf(latencies: Iterable<number>, now = 0): LatencyWindow {
  const window = new LatencyWindow();
  for (const latency of latencies) window.record(latency, now);
  return window;
}

const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('LatencyWindow', () => {
  it('answers with the latency that the percentile did not exceed', () => {
    const window = windowOf(oneTo(1_000));
    expect(window.percentile(50, 0)! / 500).toBeCloseTo(1, 1);
    expect(window.percentile(95, 0)! / 950).toBeCloseTo(1, 1);
    expect(window.percentile(99.9, 0)! / 999).toBeCloseTo(1, 1);
  });

  it('counts the answers that it looks back on', () => {
    const window = windowOf(oneTo(30));
    expect(window.count(14_999)).toBe(30);
    expect(window.count(40_000)).toBe(0);
  });

  it('is within a tenth of a millisecond or 1 % of the true percentile, and never below it', () => {
    const latency = fc.oneof(
      fc.double({ min: 0, max: 30, noNaN: true }),
      fc.double({ min: 0, max: 290_000, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(latency, { minLength: 100, maxLength: 300 }),
        fc.constantFrom(1, 50, 90, 95, 99),
        (latencies, percentile) => {
          const exact = latencies.toSorted((a, b) => a - b)[
            latencies.length - Math.floor((latencies.length * (100 - percentile)) / 100) - 1
          ]!;
          const answer = windowOf(latencies).percentile(percentile, 0)!;
          expect(answer).toBeGreaterThanOrEqual(exact);
          expect(answer).toBeLessThanOrEqual(exact * 1.01 + 0.1 + 1e-9);
        },
      ),
    );
  });

  it.each([
    [50, 20],
    [95, 20],
    [99, 100],
    [99.9, 1_000],
  ])('has no p%d before its %d th sample', (percentile, needed) => {
    const window = windowOf(oneTo(needed - 1));
    expect(window.percentile(percentile, 0)).toBeUndefined();
    window.record(1, 0);
    expect(window.percentile(percentile, 0)).toBeDefined();
  });

  it('counts what is longer than five minutes as that, and what makes no sense as nothing', () => {
    expect(windowOf(new Array<number>(20).fill(1e12)).percentile(50, 0)).toBe(300_000);
    expect(windowOf(new Array<number>(20).fill(Infinity)).percentile(50, 0)).toBe(300_000);
    expect(windowOf(new Array<number>(20).fill(-5)).percentile(50, 0)).toBe(0.1);
    expect(windowOf(new Array<number>(20).fill(NaN)).percentile(50, 0)).toBe(0.1);
  });

  it('keeps what is up to 15 s old, and follows a service that has become faster after 30 s', () => {
    const window = windowOf(new Array<number>(100).fill(500), 0);
    for (let now = 0; now <= 14_000; now += 100) window.record(500, now);
    for (let now = 15_000; now <= 29_000; now += 100) window.record(5, now);
    expect(window.percentile(90, 29_000)).toBeGreaterThan(499);
    for (let now = 30_000; now <= 31_000; now += 100) window.record(5, now);
    expect(window.percentile(99, 31_000)).toBeLessThan(5.2);
  });

  it('never answers from what is older than 30 s, however few have been recorded since', () => {
    const window = windowOf(new Array<number>(100).fill(500), 0);
    window.record(1, 29_900);
    expect(window.percentile(50, 29_900)).toBeGreaterThan(499);
    expect(window.percentile(50, 30_000)).toBeUndefined();
  });

  it('leaves nothing after a long pause', () => {
    const window = windowOf(oneTo(1_000), 0);
    expect(window.percentile(50, 1e9)).toBeUndefined();
  });

  it('stands still when the clock goes back', () => {
    const window = windowOf(oneTo(100), 1e6);
    for (const latency of oneTo(100)) window.record(latency, 5);
    expect(window.percentile(50, 0)).toBeCloseTo(50, 0);
  });
});
