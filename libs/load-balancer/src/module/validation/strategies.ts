import { didYouMean } from '../../nearest.js';
import { describeValue } from '../../safe-text.js';
import { builtInStrategies, DEFAULT_STRATEGY } from '../../strategies/registry.js';
import type { StrategyClass, StrategyFactory } from '../../strategies/strategy.js';
import type { ResolvedStrategy, StrategyOptions } from '../options.js';
import { STRATEGY_OPTIONS } from './strategy-options.js';
import { isObject, pathTo, type Check, type Report } from './schema.js';

/** The strategies that services can name: the built-in ones, and the user's, which win. */
export type StrategiesByName = ReadonlyMap<string, StrategyFactory>;

const BUILT_IN: ReadonlySet<unknown> = new Set(Object.values(builtInStrategies));

/** Reads the module's `strategies`. */
export function collectStrategies(own: unknown, path: string, report: Report): StrategiesByName {
  const strategies = new Map<string, StrategyFactory>(Object.entries(builtInStrategies));
  if (own === undefined) return strategies;
  if (!isObject(own)) {
    report(path, `expected an object with strategies by name, got ${describeValue(own)}`);
    return strategies;
  }
  for (const [name, strategy] of Object.entries(own)) {
    if (isFactoryOrClass(strategy)) strategies.set(name, toFactory(strategy));
    else
      report(
        pathTo(path, name),
        `expected a factory or a class of strategies, got ${describeValue(strategy)}`,
      );
  }
  return strategies;
}

/** The check of a service's `strategy`. */
export function strategyCheck(strategies: StrategiesByName): Check {
  return (value, path, report) => {
    if (value === undefined || typeof value === 'function') return;
    const { name, ...options } = isObject(value) ? value : { name: value };
    const namePath = isObject(value) ? pathTo(path, 'name') : path;
    if (typeof name !== 'string') {
      const known = [...strategies.keys()].join(', ');
      report(namePath, `expected the name of a strategy (${known}), got ${describeValue(name)}`);
    } else if (!strategies.has(name)) {
      const known = [...strategies.keys()];
      report(
        namePath,
        `unknown strategy ${describeValue(name)}${didYouMean(name, known) || ` (known: ${known.join(', ')})`}`,
      );
    } else if (BUILT_IN.has(strategies.get(name))) {
      const check = STRATEGY_OPTIONS.get(strategies.get(name));
      if (check) check(options, path, report);
      else
        for (const option of Object.keys(options))
          report(pathTo(path, option), `unknown option; ${name} has none`);
    }
  };
}

/** Checks every strategy that the options of a service, or the `defaults`, name. */
export function reportStrategies(
  { strategy, patterns, dryRun }: Readonly<Record<string, unknown>>,
  path: string,
  check: Check,
  report: Report,
): void {
  check(strategy, pathTo(path, 'strategy'), report);
  if (isObject(dryRun)) check(dryRun.strategy, pathTo(pathTo(path, 'dryRun'), 'strategy'), report);
  for (const [text, pattern] of Object.entries(isObject(patterns) ? patterns : {})) {
    if (isObject(pattern))
      check(pattern.strategy, pathTo(pathTo(pathTo(path, 'patterns'), text), 'strategy'), report);
  }
}

/** A service's `strategy`, which has been checked, with its factory. */
export function resolveStrategy(value: unknown, strategies: StrategiesByName): ResolvedStrategy {
  if (isFactoryOrClass(value))
    return { name: value.name || 'custom', factory: toFactory(value), options: {} };
  const { name, ...options } = (
    isObject(value) ? value : { name: value ?? DEFAULT_STRATEGY }
  ) as StrategyOptions;
  const factory = strategies.get(name) ?? builtInStrategies[DEFAULT_STRATEGY];
  return { name, factory, options };
}

const HASHING: readonly StrategyFactory[] = [builtInStrategies['ring-hash'], builtInStrategies.maglev];

/** Could it go by the calls' hash keys? Of a strategy of the user's own nobody knows. */
export function mayUseHashKey(strategy: Pick<ResolvedStrategy, 'factory'> | undefined): boolean {
  return strategy !== undefined && (HASHING.includes(strategy.factory) || !BUILT_IN.has(strategy.factory));
}

function isFactoryOrClass(value: unknown): value is StrategyFactory | StrategyClass {
  return typeof value === 'function';
}

function toFactory(strategy: StrategyFactory | StrategyClass): StrategyFactory {
  if (!isClass(strategy)) return strategy;
  return (deps, options) => new strategy(deps, options);
}

/** Calling a class without `new` throws; one that was compiled to ES5 is known by its methods. */
function isClass(strategy: StrategyFactory | StrategyClass): strategy is StrategyClass {
  const prototype = strategy.prototype as { pick?: unknown } | undefined;
  return typeof prototype?.pick === 'function' || /^class\b/.test(Function.prototype.toString.call(strategy));
}
