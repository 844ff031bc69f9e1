import type { ConsistentHashOptions } from '../../strategies/consistent-hash.js';
import type { PickFirstOptions } from '../../strategies/pick-first.js';
import { builtInStrategies } from '../../strategies/registry.js';
import type { WeightedRoundRobinOptions } from '../../strategies/weighted-round-robin.js';
import { describeValue } from '../../safe-text.js';
import { boolean, milliseconds, number, orFalse, section, type Check } from './schema.js';

const weightSource: Check = (value, path, report) => {
  if (value !== 'fixed' && value !== 'reported')
    report(path, `expected 'fixed' or 'reported', got ${describeValue(value)}`);
};

const consistentHash = section<ConsistentHashOptions>({ bound: orFalse(number({ min: 1 })) });
const pickFirst = section<PickFirstOptions>({ shuffle: boolean });
const weightedRoundRobin = section<WeightedRoundRobinOptions>({
  weights: weightSource,
  blackoutPeriod: milliseconds(0),
  expirationPeriod: milliseconds(1),
  errorPenalty: number({ min: 0 }),
});

/** What stands beside the name of those built-in strategies that have options, by their factory. */
export const STRATEGY_OPTIONS: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  [builtInStrategies['pick-first'], pickFirst],
  [builtInStrategies['ring-hash'], consistentHash],
  [builtInStrategies.maglev, consistentHash],
  [builtInStrategies['weighted-round-robin'], weightedRoundRobin],
]);
