import { expect, it } from '@jest/globals';
import { outlierDetection, slowStart } from './outlier-schema.js';

function problems(value: unknown): string[] {
  const found: string[] = [];
  outlierDetection(value, 'outlierDetection', (path, message) => found.push(`${path}: ${message}`));
  return found;
}

it.each([
  false,
  {},
  { consecutiveFailures: false, successRate: false, failurePercentage: false, latency: {} },
  { maxEjectionPercent: 0, successRate: { deviations: 2.5, minimumNodes: 3 } },
])('takes %j for outlierDetection', (options) => {
  expect(problems(options)).toEqual([]);
});

it('tells all that is wrong with outlierDetection, each with its path', () => {
  const options = {
    interval: 0,
    maxEjectionPercent: 101,
    successRate: { deviation: 1 },
    latency: { factor: 0.5 },
  };
  expect(problems(options)).toEqual([
    'outlierDetection.interval: expected a number ≥ 1000 (milliseconds), got 0',
    'outlierDetection.maxEjectionPercent: expected a number from 0 to 100 (per cent), got 101',
    'outlierDetection.successRate.deviation: unknown option; did you mean "deviations"?',
    'outlierDetection.latency.factor: expected a number ≥ 1, got 0.5',
  ]);
});

it('tells all that is wrong with slowStart', () => {
  const found: string[] = [];
  const report = (path: string, message: string): number => found.push(`${path}: ${message}`);
  for (const fine of [false, {}, { window: 5_000, aggression: 2, minWeight: 0 }])
    slowStart(fine, 'slowStart', report);
  expect(found).toEqual([]);
  slowStart({ window: 0, minWeight: 2, agression: 1 }, 'slowStart', report);
  slowStart(true, 'slowStart', report);
  expect(found).toEqual([
    'slowStart.window: expected a number ≥ 1 (milliseconds), got 0',
    'slowStart.minWeight: expected a number from 0 to 1, got 2',
    'slowStart.agression: unknown option; did you mean "aggression"?',
    'slowStart: expected an object or false, got true',
  ]);
});
