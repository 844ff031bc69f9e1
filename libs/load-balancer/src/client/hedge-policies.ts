import type { HedgeOptions } from '../resilience/hedge-policy.js';
import { HedgePolicy } from '../resilience/hedge-policy.js';

/** A program writes a few; one that computes a percentile for each call shall not fill the memory. */
const MOST = 32;

/**
 * The hedge policies of calls with options of their own. A policy takes its percentile every 3 s and keeps it: calls with
 * the same options share one, or each call would sort the latencies again.
 */
export class HedgePolicies {
  private readonly byOptions = new Map<string, HedgePolicy>();

  /** @param options validated before */
  of(options: HedgeOptions): HedgePolicy {
    const { delay, maxAttempts } = options;
    // There is nothing to remember of a fixed delay.
    if (typeof delay === 'number') return new HedgePolicy(options);
    const key = maxAttempts === undefined ? delay : `${delay} ${maxAttempts}`;
    const known = this.byOptions.get(key);
    if (known) return known;
    const policy = new HedgePolicy(options);
    if (this.byOptions.size >= MOST) this.byOptions.clear();
    this.byOptions.set(key, policy);
    return policy;
  }
}
