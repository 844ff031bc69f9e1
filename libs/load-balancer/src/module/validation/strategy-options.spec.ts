import { expect, it } from '@jest/globals';
import { builtInStrategies, type StrategyName } from '../../strategies/registry.js';
import { STRATEGY_OPTIONS } from './strategy-options.js';

function problems(name: StrategyName, options: unknown): string[] {
  const found: string[] = [];
  STRATEGY_OPTIONS.get(builtInStrategies[name])!(options, 'strategy', (path, message) =>
    found.push(`${path}: ${message}`),
  );
  return found;
}

it('takes the options that a strategy has', () => {
  expect(problems('pick-first', { shuffle: false })).toEqual([]);
  expect(
    problems('weighted-round-robin', { weights: 'reported', blackoutPeriod: 0, errorPenalty: 0 }),
  ).toEqual([]);
  for (const name of ['ring-hash', 'maglev'] as const)
    for (const bound of [1, 1.25, 10, false, undefined]) expect(problems(name, { bound })).toEqual([]);
});

it('tells what is wrong with them', () => {
  expect(problems('pick-first', { shufle: true })).toEqual([
    'strategy.shufle: unknown option; did you mean "shuffle"?',
  ]);
  expect([0.9, true, '2'].flatMap((bound) => problems('maglev', { bound }))).toEqual([
    'strategy.bound: expected a number ≥ 1, got 0.9',
    'strategy.bound: expected a number ≥ 1, got true',
    'strategy.bound: expected a number ≥ 1, got "2"',
  ]);
  expect(problems('weighted-round-robin', { weights: 'measured', expirationPeriod: 0 })).toEqual([
    "strategy.weights: expected 'fixed' or 'reported', got \"measured\"",
    'strategy.expirationPeriod: expected a number ≥ 1 (milliseconds), got 0',
  ]);
});

it('refuses what only reported weights go by beside fixed ones', () => {
  const ofReports = { blackoutPeriod: 0, expirationPeriod: 1, errorPenalty: 0 };
  const refused = Object.keys(ofReports).map(
    (option) =>
      `strategy.${option}: has no meaning with fixed weights; expected weights: 'reported' beside it`,
  );
  expect(problems('weighted-round-robin', ofReports)).toEqual(refused);
  expect(problems('weighted-round-robin', { weights: 'fixed', ...ofReports })).toEqual(refused);
  expect(problems('weighted-round-robin', { weights: 'reported', ...ofReports })).toEqual([]);
});
