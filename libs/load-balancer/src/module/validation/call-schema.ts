import { isHeaderName, isReservedKey } from '../../context/context-keys.js';
import { describeValue } from '../../safe-text.js';
import { GRADIENT2_BOUNDS, type Gradient2Options } from '../../resilience/gradient2-limit.js';
import type { HedgeOptions } from '../../resilience/hedge-policy.js';
import { parsePercentile } from '../../resilience/hedge-policy.js';
import type { RetryBudgetOptions } from '../../resilience/retry-budget.js';
import { MOST_ATTEMPTS } from '../../resilience/retry-policy.js';
import type {
  LimitsOptions,
  PatternOptions,
  QueueOptions,
  RetryBackoffOptions,
  RetryOptions,
} from '../options.js';
import {
  anything,
  boolean,
  integer,
  isObject,
  milliseconds,
  number,
  orFalse,
  pathTo,
  section,
  type Check,
  type Report,
} from './schema.js';

const attempts = number({ min: 1, max: MOST_ATTEMPTS, integer: true });

const retryOn: Check = (value, path, report) => {
  const codes = Array.isArray(value) && value.every((code) => typeof code === 'string');
  if (!codes && typeof value !== 'function')
    report(
      path,
      `expected a list of codes or a function (error, code) => boolean, got ${describeValue(value)}`,
    );
};

const retryBackoff = section<RetryBackoffOptions>({
  initial: milliseconds(1),
  multiplier: number({ min: 1, max: 100 }),
  max: milliseconds(1),
});

const budget = section<RetryBudgetOptions>({
  ratio: number({ min: 0, max: 1 }),
  minPerSecond: number({ min: 0, max: 1_000_000 }),
  ttl: number({ min: 1_000, max: 60_000, unit: 'milliseconds' }),
});

/** Retries without the budget, which is the service's: of a pattern, or of one call. */
const ownRetry = { maxAttempts: attempts, retryOn, backoff: retryBackoff };
export const callRetry = orFalse(section<Omit<RetryOptions, 'budget'>>(ownRetry, 'an object or false'));

export const serviceRetry = orFalse(section<RetryOptions>({ ...ownRetry, budget }, 'an object or false'));

const delay: Check = (value, path, report) => {
  if (typeof value === 'string' ? parsePercentile(value) !== undefined : typeof value === 'number') {
    if (typeof value === 'number') milliseconds(1)(value, path, report);
  } else
    report(
      path,
      `expected milliseconds or a percentile between p0 and p100 such as "p95", got ${describeValue(value)}`,
    );
};

const hedgeFields = section<HedgeOptions>(
  { delay, maxAttempts: number({ min: 2, max: MOST_ATTEMPTS, integer: true }) },
  'an object or false',
);

export const hedge = orFalse((value, path, report) => {
  hedgeFields(value, path, report);
  if (isObject(value) && value.delay === undefined)
    report(pathTo(path, 'delay'), 'expected milliseconds or a percentile such as "p95", got nothing');
});

const queueFields = section<QueueOptions>({
  size: integer(1),
  drop: (value, path, report) => {
    if (value !== 'oldest' && value !== 'newest')
      report(path, `expected "oldest" or "newest", got ${describeValue(value)}`);
  },
});

const queue: Check = (value, path, report) => {
  if (!isObject(value)) {
    integer(0)(value, path, report);
    return;
  }
  queueFields(value, path, report);
  if (value.size === undefined) report(pathTo(path, 'size'), 'expected an integer ≥ 1, got nothing');
};

const adaptiveFields = section<Gradient2Options>({
  initial: integer(1),
  min: integer(1),
  max: integer(1),
  queue: (value, path, report) => {
    if (value !== 'sqrt') number({ min: 0 })(value, path, report);
  },
  smoothing: number({ min: 0.001, max: 1 }),
  tolerance: number({ min: 1 }),
});

/** Options of a limit that finds itself, or whether there is one. */
export const adaptive: Check = (value, path, report) => {
  if (typeof value !== 'boolean') adaptiveFields(value, path, report);
};

/** A limit that finds itself needs room to do so: what it can never be is refused rather than ignored. */
export function reportAdaptiveBounds(
  { initial, ...own }: Gradient2Options,
  maxInFlight: number,
  path: string,
  report: Report,
): void {
  const { min = GRADIENT2_BOUNDS.min, max = GRADIENT2_BOUNDS.max } = own;
  const at = pathTo(path, 'adaptive');
  if (max < min)
    if (own.max === undefined) report(pathTo(at, 'min'), `expected at most the max (${max}), got ${min}`);
    else report(pathTo(at, 'max'), `expected at least the min (${min}), got ${max}`);
  else if (maxInFlight < min)
    report(pathTo(at, 'min'), `expected at most maxInFlight (${maxInFlight}), got ${min}`);
  else if (initial !== undefined && (initial < min || initial > max))
    report(pathTo(at, 'initial'), `expected from the min (${min}) to the max (${max}), got ${initial}`);
}

export const limits = section<LimitsOptions>({
  maxInFlight: integer(1),
  maxInFlightPerNode: integer(1),
  queue,
  adaptive,
});

const contextKey: Check = (value, path, report) => {
  const key = typeof value === 'string' && isHeaderName(value) && !isReservedKey(value);
  if (!key)
    report(
      path,
      `expected a key of the context in lower case, such as "x-tenant", got ${describeValue(value)}`,
    );
};

const contextSource = section<{ context: string }>({ context: contextKey });

export const hashKey: Check = (value, path, report) => {
  if (isObject(value)) {
    contextSource(value, path, report);
    if (value.context === undefined)
      report(pathTo(path, 'context'), 'expected a key of the context, got nothing');
  } else if (typeof value !== 'function' && (typeof value !== 'string' || value === ''))
    report(
      path,
      `expected the name of a field, { context: key } or a function (data, context) => key, got ${describeValue(value)}`,
    );
};

const pattern = section<PatternOptions>({
  timeout: milliseconds(0),
  retry: callRetry,
  hedge,
  // See strategies.ts: it needs the names that the module knows.
  strategy: anything,
  idempotent: boolean,
  hashKey,
});

export const patterns: Check = (value, path, report) => {
  if (!isObject(value)) {
    report(path, `expected an object with options by pattern, got ${describeValue(value)}`);
    return;
  }
  for (const [text, options] of Object.entries(value)) pattern(options, pathTo(path, text), report);
};
