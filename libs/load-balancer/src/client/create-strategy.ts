import { LocalityStrategy } from '../cluster/locality/locality-strategy.js';
import { SlowStart } from '../cluster/slow-start.js';
import { InvalidOptionsError } from '../errors.js';
import type { ResolvedServiceOptions, ResolvedStrategy } from '../module/options.js';
import { isObject } from '../module/validation/schema.js';
import { describeValue } from '../safe-text.js';
import { GuardedStrategy } from '../strategies/guarded.js';
import { builtInStrategies } from '../strategies/registry.js';
import { RoundRobin } from '../strategies/round-robin.js';
import type { Strategy, StrategyDeps } from '../strategies/strategy.js';
import { reasonOf } from '../transport/reason.js';
import type { UpstreamNode } from './upstream-node.js';

export interface UpstreamStrategyDeps extends StrategyDeps {
  /** All nodes of the service, healthy or not. */
  readonly known: () => Iterable<UpstreamNode>;
}

/**
 * A strategy with all that stands round every strategy of a service (its own, those of its patterns and of calls, and those
 * that only run alongside): slow start outside, then priorities and zones, which make the strategy itself for each place that
 * gets calls. When a user's factory fails for a later place, in the middle of somebody's call, nodes there are taken in turn.
 *
 * @param path of the option that asks for it, for errors
 * @param onFault told when a strategy that a user wrote goes wrong, or cannot be made for a later place (once)
 * @throws InvalidOptionsError when what the user's factory or class makes is no strategy; and whatever the factory throws
 */
export function strategyStack(
  setting: ResolvedStrategy,
  path: string,
  { locality, slowStart }: Pick<ResolvedServiceOptions, 'locality' | 'slowStart'>,
  { known, ...deps }: UpstreamStrategyDeps,
  onFault: (reason: string) => void,
): Strategy<UpstreamNode> {
  const create = (): Strategy<UpstreamNode> => createStrategy(setting, path, deps, onFault);
  let told = false;
  const substitute = (error: unknown): Strategy<UpstreamNode> => {
    if (!told) onFault(`it could not be made for a further priority or zone: ${reasonOf(error)}`);
    told = true;
    return new RoundRobin<UpstreamNode>(deps);
  };
  const located = new LocalityStrategy(create, locality, { known, random: deps.random, substitute });
  return slowStart === false ? located : new SlowStart(located, deps, slowStart);
}

/** The strategy alone; one that a user wrote is guarded, ours are trusted. */
function createStrategy(
  { name, factory, options }: ResolvedStrategy,
  path: string,
  deps: StrategyDeps,
  onFault: (reason: string) => void,
): Strategy<UpstreamNode> {
  const made: unknown = factory(deps, options);
  if (Object.values<unknown>(builtInStrategies).includes(factory)) return made as Strategy<UpstreamNode>;
  if (!isStrategy(made))
    throw new InvalidOptionsError([{ path, message: `"${name}" makes ${shortOfStrategy(made)}` }]);
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
