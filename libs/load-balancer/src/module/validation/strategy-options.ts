import type { ConsistentHashOptions } from '../../strategies/consistent-hash.js';
import type { PickFirstOptions } from '../../strategies/pick-first.js';
import { builtInStrategies } from '../../strategies/registry.js';
import type { WeightedRoundRobinOptions } from '../../strategies/weighted-round-robin.js';
import { describeValue } from '../../safe-text.js';
import { boolean, isObject, milliseconds, number, orFalse, pathTo, section, type Check } from './schema.js';

const weightSource: Check = (value, path, report) => {
  if (value !== 'fixed' && value !== 'reported')
    report(path, `expected 'fixed' or 'reported', got ${describeValue(value)}`);
};

const consistentHash = section<ConsistentHashOptions>({ bound: orFalse(number({ min: 1 })) });
const pickFirst = section<PickFirstOptions>({ shuffle: boolean });
const ofReports = {
  blackoutPeriod: milliseconds(0),
  expirationPeriod: milliseconds(1),
  errorPenalty: number({ min: 0 }),
};
const weightedFields = section<WeightedRoundRobinOptions>({ weights: weightSource, ...ofReports });

const weightedRoundRobin: Check = (value, path, report) => {
  weightedFields(value, path, report);
  if (!isObject(value) || (value.weights !== undefined && value.weights !== 'fixed')) return;
  for (const option of Object.keys(ofReports))
    if (value[option] !== undefined)
      report(
        pathTo(path, option),
        `has no meaning with fixed weights; expected weights: 'reported' beside it`,
      );
};

/** What stands beside the name of those built-in strategies that have options, by their factory. */
export const STRATEGY_OPTIONS: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  [builtInStrategies['pick-first'], pickFirst],
  [builtInStrategies['ring-hash'], consistentHash],
  [builtInStrategies.maglev, consistentHash],
  [builtInStrategies['weighted-round-robin'], weightedRoundRobin],
]);
