import type {
  FailurePercentageOptions,
  LatencyOptions,
  OutlierDetectionOptions,
  SuccessRateOptions,
} from '../../cluster/ejection/ejection-policy.js';
import type { SlowStartOptions } from '../../cluster/slow-start.js';
import type { DryRunOptions } from '../options.js';
import { anything, integer, isObject, milliseconds, number, orFalse, section, type Check } from './schema.js';

const percentage = number({ min: 0, max: 100, unit: 'per cent' });
// The odd one out of two is either.
const evidence = { minimumNodes: integer(3), minimumRequests: integer(1) };

const NOR_FALSE = 'an object or false';

function policy(expected: string): Check {
  return section<OutlierDetectionOptions>(
    {
      interval: milliseconds(1_000),
      baseEjectionTime: milliseconds(1),
      maxEjectionTime: milliseconds(1),
      maxEjectionPercent: percentage,
      consecutiveFailures: orFalse(integer(1)),
      successRate: orFalse(
        section<SuccessRateOptions>({ deviations: number({ min: 0 }), ...evidence }, NOR_FALSE),
      ),
      failurePercentage: orFalse(
        section<FailurePercentageOptions>({ threshold: percentage, ...evidence }, NOR_FALSE),
      ),
      latency: orFalse(
        section<LatencyOptions>(
          { factor: number({ min: 1 }), tolerated: milliseconds(0), ...evidence },
          NOR_FALSE,
        ),
      ),
    },
    expected,
  );
}

/** The check of a service's `outlierDetection`. */
export const outlierDetection: Check = orFalse(policy(NOR_FALSE));

const dryRunFields = section<DryRunOptions>({
  // See strategies.ts: it needs the names that the module knows.
  strategy: anything,
  outlierDetection: policy('an object'),
});

/** The check of a service's `dryRun`. */
export const dryRun: Check = (value, path, report) => {
  dryRunFields(value, path, report);
  if (isObject(value) && value.strategy === undefined && value.outlierDetection === undefined)
    report(path, 'expected a strategy or outlierDetection to try out, got neither');
};

/** The check of a service's `slowStart`. */
export const slowStart: Check = orFalse(
  section<SlowStartOptions>(
    {
      window: milliseconds(1),
      aggression: number({ min: 0.1, max: 10 }),
      minWeight: number({ min: 0, max: 1 }),
    },
    NOR_FALSE,
  ),
);
