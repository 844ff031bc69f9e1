import type {
  FailurePercentageOptions,
  LatencyOptions,
  OutlierDetectionOptions,
  SuccessRateOptions,
} from '../../cluster/ejection/ejection-policy.js';
import { integer, milliseconds, number, orFalse, section, type Check } from './schema.js';

const percentage = number({ min: 0, max: 100, unit: 'per cent' });
const evidence = { minimumNodes: integer(1), minimumRequests: integer(1) };

/** The check of a service's `outlierDetection`. */
export const outlierDetection: Check = orFalse(
  section<OutlierDetectionOptions>({
    interval: milliseconds(1),
    baseEjectionTime: milliseconds(1),
    maxEjectionTime: milliseconds(1),
    maxEjectionPercent: percentage,
    consecutiveFailures: orFalse(integer(1)),
    successRate: orFalse(section<SuccessRateOptions>({ deviations: number({ min: 0 }), ...evidence })),
    failurePercentage: orFalse(section<FailurePercentageOptions>({ threshold: percentage, ...evidence })),
    latency: orFalse(
      section<LatencyOptions>({ factor: number({ min: 1 }), tolerated: milliseconds(0), ...evidence }),
    ),
  }),
);
