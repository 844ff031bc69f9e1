import { LocalityStrategy } from '../cluster/locality/locality-strategy.js';
import { SlowStart } from '../cluster/slow-start.js';
import { InvalidOptionsError } from '../errors.js';
import type { ResolvedServiceOptions } from '../module/options.js';
import { isObject, pathTo } from '../module/validation/schema.js';
import { describeValue } from '../safe-text.js';
import { GuardedStrategy } from '../strategies/guarded.js';
import { builtInStrategies } from '../strategies/registry.js';
import type { Strategy, StrategyDeps } from '../strategies/strategy.js';
import type { UpstreamNode } from './upstream-node.js';

/** What a strategy is made of. Whoever wants another strategy of the same service replaces that alone. */
export type StrategySettings = Pick<ResolvedServiceOptions, 'name' | 'strategy' | 'locality' | 'slowStart'>;

export interface UpstreamStrategyDeps extends StrategyDeps {
  /** All nodes of the service, healthy or not. */
  readonly known: () => Iterable<UpstreamNode>;
}

/**
 * The strategy that a service's options ask for, with all that stands round it: slow start outside, then priorities and
 * zones, which make the strategy itself for each place that gets calls.
 *
 * @throws InvalidOptionsError when what the user's factory or class makes is no strategy
 */
export function createStrategy(
  settings: StrategySettings,
  { known, ...deps }: UpstreamStrategyDeps,
  onFault: (reason: string) => void,
): Strategy<UpstreamNode> {
  const { locality, slowStart } = settings;
  const create = (): Strategy<UpstreamNode> => createBareStrategy(settings, deps, onFault);
  const located = new LocalityStrategy(create, locality, { known, random: deps.random });
  return slowStart === false ? located : new SlowStart(located, deps, slowStart);
}

/** One that a user wrote is guarded, ours are trusted. */
function createBareStrategy(
  { name, strategy: { name: strategyName, factory, options } }: StrategySettings,
  deps: StrategyDeps,
  onFault: (reason: string) => void,
): Strategy<UpstreamNode> {
  const made: unknown = factory(deps, options);
  if (Object.values<unknown>(builtInStrategies).includes(factory)) return made as Strategy<UpstreamNode>;
  if (!isStrategy(made)) {
    const path = pathTo(pathTo('services', name), 'strategy');
    throw new InvalidOptionsError([{ path, message: `"${strategyName}" makes ${shortOfStrategy(made)}` }]);
  }
  return new GuardedStrategy(made, onFault);
}

const METHODS = ['update', 'pick'] as const;

function isStrategy(value: unknown): value is Strategy<UpstreamNode> {
  return isObject(value) && METHODS.every((method) => typeof value[method] === 'function');
}

/** What was made instead. */
function shortOfStrategy(made: unknown): string {
  if (!isObject(made)) return `${describeValue(made)}; expected an object with update(nodes) and pick(call)`;
  const missing = METHODS.filter((method) => typeof made[method] !== 'function');
  return `an object without ${missing.map((method) => `${method}()`).join(' and ')}`;
}
