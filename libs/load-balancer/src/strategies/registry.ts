import { ConsistentHash } from './consistent-hash.js';
import { LeastLoaded } from './least-loaded.js';
import { LeastRequest } from './least-request.js';
import { buildMaglev } from './maglev.js';
import { PeakEwma } from './peak-ewma.js';
import { PickFirst } from './pick-first.js';
import { Random } from './random.js';
import { buildRing } from './ring-hash.js';
import { RoundRobin } from './round-robin.js';
import type { StrategyFactory } from './strategy.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

/** The strategies that come with the library, by the name that options use. Options have been checked before. */
export const builtInStrategies = {
  'round-robin': (deps) => new RoundRobin(deps),
  'pick-first': (deps, options) => new PickFirst(deps, options),
  random: (deps) => new Random(deps),
  'weighted-round-robin': (deps, options) => new WeightedRoundRobin(deps, options),
  'least-request': (deps) => new LeastRequest(deps),
  'peak-ewma': (deps) => new PeakEwma(deps),
  'least-loaded': (deps) => new LeastLoaded(deps),
  'ring-hash': (deps, options) => new ConsistentHash(deps, buildRing, options),
  maglev: (deps, options) => new ConsistentHash(deps, buildMaglev, options),
} as const satisfies Record<string, StrategyFactory>;

export type StrategyName = keyof typeof builtInStrategies;

/** Of the strategies that work with any server, the one with the shortest tail; why is in `docs/strategies.md`. */
export const DEFAULT_STRATEGY: StrategyName = 'peak-ewma';

export const STRATEGY_NAMES = Object.keys(builtInStrategies) as StrategyName[];
