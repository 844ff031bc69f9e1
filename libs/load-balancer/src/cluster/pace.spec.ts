import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Pace } from './pace.js';

describe('the pace of a node', () => {
  it('is its latency by the root of the calls that it had', () => {
    const pace = new Pace();
    for (let i = 0; i < 200; i++) pace.observe(10 * Math.sqrt(1 + (i % 20)), 1 + (i % 20), i);
    expect(pace.read(199)).toBeCloseTo(10, 9);
  });

  it('follows a change within some ten answers, or with the first one after a while', () => {
    const pace = new Pace();
    for (let i = 0; i < 10; i++) pace.observe(10, 1, 0);
    pace.observe(100, 1, 0);
    expect(pace.read(0)).toBeCloseTo(19, 9);
    for (let i = 0; i < 30; i++) pace.observe(100, 1, 0);
    expect(pace.read(0)).toBeGreaterThan(95);
    pace.observe(10, 1, 200_000);
    expect(pace.read(200_000)).toBeCloseTo(10, 6);
  });

  it('is the average of the first answers: that of a cold server counts for no more than the next ones', () => {
    const pace = new Pace();
    pace.observe(100, 1, 0);
    for (let i = 0; i < 8; i++) pace.observe(10, 1, 0);
    expect(pace.read(0)).toBeCloseTo(20, 9);
    pace.forget();
    pace.observe(10, 1, 0);
    pace.observe(30, 1, 0);
    expect(pace.read(0)).toBeCloseTo(20, 9);
  });

  it('rises to a failure at once, whatever is answered then', () => {
    const pace = new Pace();
    pace.penalize(5_000, 0);
    for (let i = 0; i < 100; i++) pace.observe(1, 1, 0);
    expect(pace.read(0)).toBe(5_000);
    pace.penalize(800, 10_000);
    expect(pace.read(10_000)).toBeCloseTo(5_000 / Math.E, 6);
    pace.penalize(8_000, 10_000);
    expect(pace.read(10_000)).toBe(8_000);
    expect(pace.read(300_000)).toBeLessThan(1);
  });

  it('fades by 1/e in ten seconds while nothing is added, however often it is read', () => {
    const pace = new Pace();
    pace.observe(100, 1, 0);
    for (let now = 0; now < 10_000; now += 7) pace.read(now);
    expect(pace.read(10_000)).toBeCloseTo(100 / Math.E, 9);
  });

  it('fades as the exponential function does, over short times and long ones', () => {
    const pace = new Pace();
    pace.observe(100, 1, 0);
    for (const after of [0.001, 1, 100, 499, 500, 501, 5_000, 100_000]) {
      const exact = 100 * Math.exp(-after / 10_000);
      expect(Math.abs(pace.read(after) - exact)).toBeLessThan(exact * 1e-9);
    }
  });

  it('forgets everything when it is told to', () => {
    const pace = new Pace();
    pace.penalize(300_000, 1_000);
    pace.observe(70, 1, 1_000);
    pace.forget();
    expect(pace.known).toBe(false);
    pace.observe(5, 1, 1_001);
    expect(pace.read(1_001)).toBe(5);
  });

  it('knows nothing at first, and something after an answer in no time or a failure', () => {
    const pace = new Pace();
    expect(pace.known).toBe(false);
    expect(pace.read(5)).toBe(0);
    pace.observe(0, 1, 5);
    expect(pace.known).toBe(true);
    expect(pace.read(5)).toBe(0);

    const failed = new Pace();
    failed.penalize(5_000, 5);
    expect(failed.known).toBe(true);
    expect(failed.read(5)).toBe(5_000);
  });

  it('takes a clock that goes back for one that stands still', () => {
    const pace = new Pace();
    pace.observe(100, 1, 1_000);
    pace.observe(100, 1, 500);
    pace.penalize(90, 1_000);
    pace.penalize(50, 500);
    expect(pace.read(0)).toBeCloseTo(100, 9);
    expect(pace.read(1_000)).toBeCloseTo(100, 9);
  });

  it('is never above the greatest latency or below 0, whatever is observed', () => {
    const steps = fc.array(
      fc.record({
        latency: fc.double({ min: 0, max: 1e6, noNaN: true }),
        inFlight: fc.integer({ min: 1, max: 1_000 }),
        failed: fc.boolean(),
        after: fc.nat(60_000),
      }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(steps, (observed) => {
        const pace = new Pace();
        let now = 0;
        let greatest = 0;
        for (const { latency, inFlight, failed, after } of observed) {
          now += after;
          greatest = Math.max(greatest, latency);
          if (failed) pace.penalize(latency, now);
          else pace.observe(latency, inFlight, now);
          expect(pace.read(now)).toBeGreaterThanOrEqual(0);
          expect(pace.read(now)).toBeLessThanOrEqual(greatest * (1 + 1e-9));
        }
      }),
    );
  });
});
