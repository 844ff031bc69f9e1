import type { ResolvedServiceOptions } from '../module/options.js';
import { GuardedStrategy } from '../strategies/guarded.js';
import { builtInStrategies } from '../strategies/registry.js';
import type { Strategy, StrategyDeps } from '../strategies/strategy.js';
import type { UpstreamNode } from './upstream-node.js';

/** The strategy that a service's options ask for; one that a user wrote is guarded, ours are trusted. */
export function createStrategy(
  { strategy: { factory, options } }: ResolvedServiceOptions,
  deps: StrategyDeps,
  onFault: (reason: string) => void,
): Strategy<UpstreamNode> {
  const strategy = factory(deps, options) as unknown as Strategy<UpstreamNode>;
  const builtIn = Object.values<unknown>(builtInStrategies).includes(factory);
  return builtIn ? strategy : new GuardedStrategy(strategy, onFault);
}
