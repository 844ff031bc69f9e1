import type { LateCalls } from '../resilience/delay-watch.js';
import type { HedgeOptions } from '../resilience/hedge-policy.js';
import { HedgePolicy } from '../resilience/hedge-policy.js';

/** A program writes a few; one that computes a percentile for each call shall not fill the memory. */
const MOST = 32;

/**
 * The hedge policies of calls with options of their own. A policy takes its percentile every 3 s and keeps it, and watches
 * what becomes of a fixed delay: calls with the same options share one.
 */
export class HedgePolicies {
  private readonly byOptions = new Map<string, HedgePolicy>();

  /** @param onEarly told of a delay that most of its calls outlast */
  constructor(private readonly onEarly: (delay: number, calls: LateCalls) => void) {}

  /** @param options validated before */
  of(options: HedgeOptions): HedgePolicy {
    const { delay, maxAttempts } = options;
    const key = maxAttempts === undefined ? String(delay) : `${delay} ${maxAttempts}`;
    const known = this.byOptions.get(key);
    if (known) return known;
    const policy = new HedgePolicy(options, (calls) => this.onEarly(Number(delay), calls));
    if (this.byOptions.size >= MOST) this.byOptions.clear();
    this.byOptions.set(key, policy);
    return policy;
  }
}
