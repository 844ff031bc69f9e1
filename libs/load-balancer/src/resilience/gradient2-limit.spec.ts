import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../testing/seeded-random.js';
import type { LoadSignal } from './concurrency-limit.js';
import { Gradient2Limit } from './gradient2-limit.js';

/** Runs at full use for so many seconds: every 10 ms all calls in flight end and as many begin. */
function saturate(
  limit: Gradient2Limit,
  from: number,
  seconds: number,
  latency: number,
  signal: LoadSignal = 'answered',
) {
  const until = from + seconds * 1_000;
  for (let now = from; now < until; now += 10) {
    while (limit.inFlight > 0) limit.onEnd(now, latency, signal);
    while (limit.inFlight < limit.limit) limit.onStart();
  }
  return until;
}

describe('Gradient2Limit', () => {
  it('grows while calls take as long as they use to', () => {
    const limit = new Gradient2Limit();
    saturate(limit, 0, 10, 20);
    expect(limit.limit).toBeGreaterThan(80);
  });

  it('grows faster the larger it is when its queue is the square root of it', () => {
    const fixed = new Gradient2Limit({ initial: 100 });
    const growing = new Gradient2Limit({ initial: 100, queue: 'sqrt' });
    saturate(fixed, 0, 10, 20);
    saturate(growing, 0, 10, 20);
    expect(growing.limit - 100).toBeGreaterThan(2 * (fixed.limit - 100));
  });

  it('does not grow while less than half of it is in use', () => {
    const limit = new Gradient2Limit({ initial: 20 });
    for (let now = 0; now < 60_000; now += 10) {
      for (let i = 0; i < 9; i++) limit.onStart();
      for (let i = 0; i < 9; i++) limit.onEnd(now, 5, 'answered');
    }
    expect(limit.limit).toBe(20);
  });

  it('falls when calls take longer than its tolerance, and grows again once they do not', () => {
    const limit = new Gradient2Limit({ initial: 100 });
    let now = saturate(limit, 0, 10, 20);
    const before = limit.limit;
    now = saturate(limit, now, 5, 100);
    const during = limit.limit;
    expect(during).toBeLessThan(before / 3);
    saturate(limit, now, 5, 20);
    expect(limit.limit).toBeGreaterThan(during + 20);
  });

  it('bears what is within its tolerance', () => {
    const limit = new Gradient2Limit({ initial: 100 });
    const now = saturate(limit, 0, 10, 20);
    const before = limit.limit;
    saturate(limit, now, 5, 29);
    expect(limit.limit).toBeGreaterThan(before);
  });

  it('takes a quick refusal for overload and not for good latency', () => {
    const limit = new Gradient2Limit({ initial: 100 });
    const now = saturate(limit, 0, 2, 20);
    saturate(limit, now, 5, 0.1, 'dropped');
    expect(limit.limit).toBeLessThan(20);
  });

  it('is not swayed by a single call that timed out among many', () => {
    const limit = new Gradient2Limit({ initial: 100 });
    let now = saturate(limit, 0, 2, 20);
    const before = limit.limit;
    for (let second = 0; second < 5; second++) {
      limit.onEnd(now, 60, 'dropped');
      limit.onStart();
      now = saturate(limit, now, 1, 20);
    }
    expect(limit.limit).toBeGreaterThan(before);
  });

  it('does not mix what it saw before a pause with what it sees now', () => {
    const limit = new Gradient2Limit({ initial: 100 });
    const now = saturate(limit, 0, 2, 20) + 5_000;
    limit.onEnd(now, 20, 'answered');
    const before = limit.limit;
    for (let i = 0; i < 9; i++) limit.onEnd(now, 5_000, 'answered');
    // The next one would complete an update, had the others not ended a minute before.
    limit.onEnd(now + 60_000, 20, 'answered');
    expect(limit.limit).toBe(before);
  });

  it('learns nothing from calls that were cancelled', () => {
    const limit = new Gradient2Limit({ initial: 50 });
    saturate(limit, 0, 10, 5_000, 'ignored');
    expect(limit.limit).toBe(50);
  });

  it('leaves the latency of a long overload behind within a minute', () => {
    const limit = new Gradient2Limit({ max: 40 });
    let now = saturate(limit, 0, 120, 400);
    now = saturate(limit, now, 60, 10);
    const before = limit.limit;
    saturate(limit, now, 5, 40);
    // 40 ms would be nothing beside 400; it is overload beside 10.
    expect(limit.limit).toBeLessThan(before / 2);
  });

  it('keeps 80 % of its goodput and a bounded latency at twice the load that the server can bear', () => {
    for (const workers of [1, 16, 64]) {
      const { goodput, p99 } = overload({ workers, service: 20, load: 2, seconds: 30 });
      expect(goodput).toBeGreaterThan(0.8);
      // A server without a limit would be 15 s behind by then.
      expect(p99).toBeLessThan(1_000);
    }
  });

  it('stays within its bounds, a whole number, whatever happens', () => {
    const step = fc.record({
      wait: fc.nat({ max: 3_000 }),
      calls: fc.nat({ max: 40 }),
      latency: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e5, noNaN: true })),
      signal: fc.constantFrom<LoadSignal>('answered', 'dropped', 'ignored'),
    });
    fc.assert(
      fc.property(fc.array(step), fc.constantFrom(4 as const, 'sqrt' as const), (steps, queue) => {
        const limit = new Gradient2Limit({ min: 5, max: 60, initial: 10, queue });
        let now = 0;
        for (const { wait, calls, latency, signal } of steps) {
          now += wait;
          for (let i = 0; i < calls; i++) limit.onStart();
          for (let i = 0; i < calls; i++) limit.onEnd(now, latency, signal);
          expect(limit.inFlight).toBe(0);
          expect(limit.limit).toBeGreaterThanOrEqual(5);
          expect(limit.limit).toBeLessThanOrEqual(60);
          expect(Number.isInteger(limit.limit)).toBe(true);
        }
      }),
    );
  });
});

interface Overload {
  workers: number;
  /** Mean time a worker takes, in ms. */
  service: number;
  /** Offered load as a multiple of the capacity; the first two seconds are at half of it. */
  load: number;
  seconds: number;
}

/** A server with workers behind a queue, in virtual time. What the limit does not admit is refused. */
function overload({ workers, service, load, seconds }: Overload): { goodput: number; p99: number } {
  const random = seededRandom(1);
  const exponential = (mean: number) => -Math.log(1 - random()) * mean;
  const limit = new Gradient2Limit();
  const freeAt = new Array<number>(workers).fill(0);
  const running: { end: number; start: number }[] = [];
  const latencies: number[] = [];
  const warmUp = 2_000;
  const until = warmUp + seconds * 1_000;
  for (let now = 0; now < until;) {
    now += exponential(service / workers / (now < warmUp ? load / 4 : load));
    for (const call of running.filter(({ end }) => end <= now).sort((a, b) => a.end - b.end)) {
      running.splice(running.indexOf(call), 1);
      limit.onEnd(call.end, call.end - call.start, 'answered');
      if (call.end > warmUp) latencies.push(call.end - call.start);
    }
    if (limit.inFlight >= limit.limit) continue;
    limit.onStart();
    const worker = freeAt.indexOf(Math.min(...freeAt));
    const end = Math.max(now, freeAt[worker]!) + service * (0.5 + random());
    freeAt[worker] = end;
    running.push({ start: now, end });
  }
  latencies.sort((a, b) => a - b);
  const capacity = (seconds * 1_000 * workers) / service;
  return { goodput: latencies.length / capacity, p99: latencies[Math.floor(latencies.length * 0.99)]! };
}
