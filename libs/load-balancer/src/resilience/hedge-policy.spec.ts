import { describe, expect, it } from '@jest/globals';
import { HedgePolicy, parsePercentile, type HedgeCandidate } from './hedge-policy.js';
import { LatencyWindow } from './latency-window.js';
import { RetryBudget } from './retry-budget.js';

function recorded(latency: number, count = 100, now = 0): LatencyWindow {
  const window = new LatencyWindow();
  for (let i = 0; i < count; i++) window.record(latency, now);
  return window;
}

const call = (changes: Partial<HedgeCandidate> = {}): HedgeCandidate => ({
  idempotent: true,
  emitted: false,
  servesRetry: false,
  attempts: 1,
  pushBack: undefined,
  ...changes,
});

describe('parsePercentile', () => {
  it('reads percentiles between 0 and 100', () => {
    expect(['p50', 'p95', 'p99.9', 'p0.5', 'p99.999'].map(parsePercentile)).toEqual([
      50, 95, 99.9, 0.5, 99.999,
    ]);
  });

  it.each(['', 'p', 'p0', 'p0.0', 'p100', 'p-5', 'p05', 'p1e1', 'P95', '95', 'p95 ', 'p9.9999', 'pNaN'])(
    'refuses %p',
    (text) => {
      expect(parsePercentile(text)).toBeUndefined();
    },
  );
});

describe('HedgePolicy', () => {
  it('waits a fixed delay, and never less than a millisecond', () => {
    expect(new HedgePolicy({ delay: 30 }).nextDelay(new LatencyWindow(), 0)).toBe(30);
    expect(new HedgePolicy({ delay: 0 }).nextDelay(new LatencyWindow(), 0)).toBe(1);
  });

  it("waits a percentile of the service's latency, and never less than a millisecond", () => {
    expect(new HedgePolicy({ delay: 'p95' }).nextDelay(recorded(40), 0)).toBeCloseTo(40, 0);
    expect(new HedgePolicy({ delay: 'p95' }).nextDelay(recorded(0.2), 0)).toBe(1);
  });

  it('hedges nothing while it knows too little, and begins as soon as it knows enough', () => {
    const policy = new HedgePolicy({ delay: 'p99' });
    const window = recorded(10, 99);
    expect(policy.nextDelay(window, 0)).toBeUndefined();
    window.record(10, 1);
    expect(policy.nextDelay(window, 1)).toBeCloseTo(10, 0);
  });

  it('takes the percentile anew after 3 s', () => {
    const policy = new HedgePolicy({ delay: 'p95' });
    const window = recorded(10);
    const before = policy.nextDelay(window, 0);
    for (let i = 0; i < 1_000; i++) window.record(200, 100);

    expect(policy.nextDelay(window, 2_999)).toBe(before);
    expect(policy.nextDelay(window, 3_000)).toBeCloseTo(200, -1);
  });

  it('stops when the service has been silent for so long that nothing is known any more', () => {
    const policy = new HedgePolicy({ delay: 'p95' });
    const window = recorded(10);
    policy.nextDelay(window, 0);
    expect(policy.nextDelay(window, 60_000)).toBeUndefined();
  });

  it('pays for each hedge out of the budget, and sends none when it is spent', () => {
    const policy = new HedgePolicy({ delay: 10 });
    const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 0 });
    for (let i = 0; i < 5; i++) budget.deposit(0);
    expect(policy.tryHedge(call(), budget, 0)).toBe(true);
    expect(policy.tryHedge(call(), budget, 0)).toBe(false);
  });

  it.each<[string, Partial<HedgeCandidate>]>([
    ['is not idempotent', { idempotent: false }],
    ['has begun to answer', { emitted: true }],
    ['serves a retry', { servesRetry: true }],
    ['has used up its attempts', { attempts: 2 }],
    ['was told by a server not to come back', { pushBack: 'never' }],
  ])('does not hedge a call that %s, and keeps the budget', (_, changes) => {
    const budget = new RetryBudget();
    expect(new HedgePolicy({ delay: 10 }).tryHedge(call(changes), budget, 0)).toBe(false);
    expect(budget.balance(0)).toBe(100);
  });

  it('knows from the start which calls it will never hedge', () => {
    const policy = new HedgePolicy({ delay: 10 });
    expect(policy.applies({ idempotent: true, servesRetry: false })).toBe(true);
    expect(policy.applies({ idempotent: false, servesRetry: false })).toBe(false);
    expect(policy.applies({ idempotent: true, servesRetry: true })).toBe(false);
    expect(
      new HedgePolicy({ delay: 10, maxAttempts: 1 }).applies({ idempotent: true, servesRetry: false }),
    ).toBe(false);
  });

  it('adds at most a fifth to the load when a whole service becomes slow', () => {
    const policy = new HedgePolicy({ delay: 'p95' });
    const budget = new RetryBudget({ minPerSecond: 0 });
    let hedges = 0;
    for (let now = 0; now < 5_000; now++) {
      budget.deposit(now);
      if (policy.tryHedge(call(), budget, now)) hedges++;
    }
    expect(hedges).toBe(1_000);
  });
});
