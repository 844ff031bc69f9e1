import type { ConcurrencyLimit } from '../resilience/concurrency-limit.js';
import { FixedLimit } from '../resilience/concurrency-limit.js';
import { Gradient2Limit } from '../resilience/gradient2-limit.js';
import { PriorityShedding } from '../resilience/priority-shedding.js';
import type { ServerLimitsOptions } from './balanced-tcp-server-options.js';
import type { Limits } from './workload.js';

/**
 * What the options ask for; `undefined` for no limits.
 *
 * @param random uniform in [0, 1)
 */
export function createLimits(
  options: ServerLimitsOptions | undefined,
  random: () => number = Math.random,
): Limits | undefined {
  const concurrency = createLimit(options);
  return concurrency && { concurrency, shedding: new PriorityShedding(random) };
}

function createLimit({ maxInFlight, adaptive }: ServerLimitsOptions = {}): ConcurrencyLimit | undefined {
  if (adaptive === undefined || adaptive === false)
    return maxInFlight === undefined ? undefined : new FixedLimit(maxInFlight);
  const options = adaptive === true ? {} : adaptive;
  if (maxInFlight === undefined) return new Gradient2Limit(options);
  return new Gradient2Limit({ ...options, max: Math.min(options.max ?? maxInFlight, maxInFlight) });
}
