import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RetryBudget } from './retry-budget.js';

/** Takes out whatever there is. */
function drain(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken++;
  return taken;
}

describe('RetryBudget', () => {
  it('has its whole reserve from the start, so that the first calls of a service can be retried', () => {
    const budget = new RetryBudget();
    expect(budget.balance(0)).toBe(100);
    expect(drain(budget, 0)).toBe(100);
    expect(budget.balance(0)).toBe(0);
  });

  it('gives one retry for five calls', () => {
    const budget = new RetryBudget({ minPerSecond: 0 });
    for (let call = 0; call < 4; call++) budget.deposit(0);
    expect(budget.tryWithdraw(0)).toBe(false);
    budget.deposit(0);
    expect(budget.tryWithdraw(0)).toBe(true);
    expect(budget.tryWithdraw(0)).toBe(false);
  });

  it('allows nothing when neither calls nor time are worth a retry', () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 });
    for (let call = 0; call < 1_000; call++) budget.deposit(call);
    expect(budget.tryWithdraw(1_000)).toBe(false);
  });

  it('forgets calls after their time to live', () => {
    const budget = new RetryBudget({ minPerSecond: 0, ttl: 1_000 });
    for (let call = 0; call < 50; call++) budget.deposit(0);
    expect(budget.balance(899)).toBe(10);
    expect(budget.balance(1_000)).toBe(0);
  });

  it('lets the reserve come back, also after a jump of the clock, and never more than that', () => {
    const budget = new RetryBudget({ minPerSecond: 10, ttl: 10_000 });
    drain(budget, 0);
    expect(budget.balance(5_000)).toBe(0);
    expect(budget.balance(10_000)).toBe(100);
    drain(budget, 10_000);
    expect(budget.balance(1e12)).toBe(100);
  });

  it('keeps to its ratio while the clock goes back', () => {
    const budget = new RetryBudget({ minPerSecond: 0 });
    let retries = 0;
    for (let call = 0; call < 1_000; call++) {
      budget.deposit(1_000_000 - call * 100);
      if (budget.tryWithdraw(1_000_000 - call * 100)) retries++;
    }
    expect(retries).toBe(200);
  });

  it('adds a fifth and ten a second to the load of a service that fails every call', () => {
    const budget = new RetryBudget();
    let retries = 0;
    for (let now = 0; now < 60_000; now++) {
      budget.deposit(now);
      if (budget.tryWithdraw(now)) retries++;
    }
    expect(retries).toBeGreaterThan(0.95 * (12_000 + 600));
    expect(retries).toBeLessThanOrEqual(12_000 + 600 + 100);
  });

  it('never allows more than its share of the calls and its reserve, whatever the pattern of calls and retries', () => {
    const steps = fc.array(
      fc.record({
        wait: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 3_000 })),
        calls: fc.nat({ max: 20 }),
        wanted: fc.nat({ max: 20 }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 0.2, 1), fc.nat({ max: 5 }), (plan, ratio, minPerSecond) => {
        const budget = new RetryBudget({ ratio, minPerSecond, ttl: 1_000 });
        let now = 0;
        let calls = 0;
        let retries = 0;
        for (const step of plan) {
          now += step.wait;
          for (let call = 0; call < step.calls; call++) budget.deposit(now);
          calls += step.calls;
          for (let retry = 0; retry < step.wanted; retry++) if (budget.tryWithdraw(now)) retries++;
          expect(budget.balance(now)).toBeGreaterThanOrEqual(0);
          expect(retries).toBeLessThanOrEqual(ratio * calls + minPerSecond * (now / 1_000 + 1) + 1e-9);
        }
      }),
    );
  });
});
