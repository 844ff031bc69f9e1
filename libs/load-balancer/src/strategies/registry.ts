import { LeastRequest } from './least-request.js';
import { PickFirst } from './pick-first.js';
import { Random } from './random.js';
import { RoundRobin } from './round-robin.js';
import type { StrategyFactory } from './strategy.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

/** The strategies that come with the library, by the name that options use. */
export const builtInStrategies = {
  'round-robin': (deps) => new RoundRobin(deps),
  'pick-first': () => new PickFirst(),
  random: (deps) => new Random(deps),
  'weighted-round-robin': (deps) => new WeightedRoundRobin(deps),
  'least-request': (deps) => new LeastRequest(deps),
} as const satisfies Record<string, StrategyFactory>;

export type StrategyName = keyof typeof builtInStrategies;

export const STRATEGY_NAMES = Object.keys(builtInStrategies) as StrategyName[];
