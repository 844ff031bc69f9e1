import { describe, expect, it } from '@jest/globals';
import { LatencyWindow } from '../resilience/latency-window.js';
import { HedgePolicies } from './hedge-policies.js';

/** Latencies that count how often they are asked for a percentile. */
class CountedLatencies extends LatencyWindow {
  asked = 0;

  override percentile(...args: Parameters<LatencyWindow['percentile']>): number | undefined {
    this.asked++;
    return super.percentile(...args);
  }
}

function latencies(): CountedLatencies {
  const window = new CountedLatencies();
  for (let i = 0; i < 1_000; i++) window.record(40, 0);
  return window;
}

describe('HedgePolicies', () => {
  it('asks for a percentile once in 3 s, however many calls bring it', () => {
    const policies = new HedgePolicies(() => undefined);
    const window = latencies();
    for (let i = 0; i < 100; i++) policies.of({ delay: 'p95' }).nextDelay(window, i);
    expect(window.asked).toBe(1);
    policies.of({ delay: 'p95' }).nextDelay(window, 3_000);
    expect(window.asked).toBe(2);
  });

  it('tells apart what differs in its delay or its attempts', () => {
    const policies = new HedgePolicies(() => undefined);
    const all = [
      policies.of({ delay: 'p95' }),
      policies.of({ delay: 'p99' }),
      policies.of({ delay: 'p95', maxAttempts: 3 }),
      policies.of({ delay: 10 }),
      policies.of({ delay: 20 }),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(all.slice(-2).map((policy) => policy.nextDelay(latencies(), 0))).toEqual([10, 20]);
    expect(policies.of({ delay: 'p95', maxAttempts: 3 })).toBe(all[2]);
  });

  it('keeps a bounded number', () => {
    const policies = new HedgePolicies(() => undefined);
    for (let i = 1; i < 1_000; i++) policies.of({ delay: `p${i / 10}` });
    expect((policies as any).byOptions.size).toBeLessThanOrEqual(32);
  });
});
