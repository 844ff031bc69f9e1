import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PeakLatency } from './peak-ewma.js';

describe('the peak-sensitive average', () => {
  it('rises to a peak at once and comes down slowly', () => {
    const average = new PeakLatency(10_000);
    average.observe(10, 0);
    average.observe(500, 1_000);
    expect(average.read(1_000)).toBe(500);
    average.observe(10, 2_000);
    expect(average.read(2_000)).toBeCloseTo(500 * Math.exp(-0.1) + 10 * (1 - Math.exp(-0.1)), 9);
  });

  it('fades by 1/e in τ while nothing is added, however often it is read', () => {
    const average = new PeakLatency(10_000);
    average.observe(100, 0);
    for (let now = 0; now < 10_000; now += 7) average.read(now);
    expect(average.read(10_000)).toBeCloseTo(100 / Math.E, 9);
  });

  it('fades as the exponential function does, over short times and long ones', () => {
    const average = new PeakLatency(10_000);
    average.observe(100, 0);
    for (const after of [0.001, 1, 100, 499, 500, 501, 5_000, 100_000]) {
      const exact = 100 * Math.exp(-after / 10_000);
      expect(Math.abs(average.read(after) - exact)).toBeLessThan(exact * 1e-9);
    }
  });

  it('forgets everything when it is told to', () => {
    const average = new PeakLatency();
    average.observe(300_000, 1_000);
    average.forget();
    expect(average.known).toBe(false);
    average.observe(5, 1_001);
    expect(average.read(1_001)).toBe(5);
  });

  it('knows nothing before the first latency, and something after one of 0', () => {
    const average = new PeakLatency();
    expect(average.known).toBe(false);
    expect(average.read(5)).toBe(0);
    average.observe(0, 5);
    expect(average.known).toBe(true);
    expect(average.read(5)).toBe(0);
  });

  it('takes a clock that goes back for one that stands still', () => {
    const average = new PeakLatency();
    average.observe(100, 1_000);
    average.observe(50, 500);
    expect(average.read(0)).toBe(100);
    expect(average.read(1_000)).toBe(100);
  });

  it('is never above the greatest latency or below 0, whatever is observed', () => {
    const steps = fc.array(
      fc.record({ latency: fc.double({ min: 0, max: 1e6, noNaN: true }), after: fc.nat(60_000) }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(steps, (observed) => {
        const average = new PeakLatency();
        let now = 0;
        let greatest = 0;
        for (const { latency, after } of observed) {
          now += after;
          greatest = Math.max(greatest, latency);
          average.observe(latency, now);
          expect(average.read(now)).toBeGreaterThanOrEqual(0);
          expect(average.read(now)).toBeLessThanOrEqual(greatest);
        }
      }),
    );
  });
});
