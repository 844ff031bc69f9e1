import { hostname } from 'node:os';
import {
  resolveEjectionPolicy,
  type OutlierDetectionOptions,
} from '../../cluster/ejection/ejection-policy.js';
import type { LocalityOptions, LocalitySettings } from '../../cluster/locality/places.js';
import { DEFAULT_LOCALITY } from '../../cluster/locality/places.js';
import type { Target } from '../../discovery/resolver.js';
import { DEFAULT_BACKOFF } from '../../resilience/backoff.js';
import type { CallSettings } from '../../client/call-settings.js';
import { retryPolicyOver, withoutRetries } from '../../client/call-settings.js';
import { DEFAULT_RETRY_BACKOFF } from '../../resilience/retry-backoff.js';
import type { RetryPolicy } from '../../resilience/retry-policy.js';
import type {
  ConnectionSettings,
  DryRunOptions,
  HealthCheckOptions,
  LimitsOptions,
  OptionPath,
  OutlierCheck,
  PatternOptions,
  ResolvedLimits,
  ResolvedServiceOptions,
  ServiceOptions,
} from '../options.js';
import { isObject } from './schema.js';
import { resolveStrategy, type StrategiesByName } from './strategies.js';

type Options = Partial<ServiceOptions>;

/** The options whose own options are merged with those of `defaults`. */
const MERGED: readonly (keyof ServiceOptions)[] = [
  'retry',
  'limits',
  'healthCheck',
  'outlierDetection',
  'slowStart',
  'locality',
  'subset',
  'connection',
  'tls',
  'context',
  'transport',
];

export function isMergedOption(key: keyof ServiceOptions): boolean {
  return MERGED.includes(key);
}

/** A service's options over `defaults`. Both have been checked. */
export function mergeDefaults(defaults: Options, service: Options): Options {
  const merged: Record<string, unknown> = { ...defaults, ...withoutUndefined(service) };
  for (const key of MERGED) {
    const [base, own] = [defaults[key], service[key]];
    if (isObject(base) && isObject(own)) merged[key] = { ...base, ...withoutUndefined(own) };
  }
  return merged;
}

/** Host name and process: several processes of a host are not to have one subset. */
const CLIENT_ID = `${hostname()}:${process.pid}`;

const OUTLIER_CHECKS = ['successRate', 'failurePercentage', 'latency'] as const;

/**
 * The checks that somebody relies on: those that are asked for, and all of them where they alone take nodes out. Of those
 * that a service just has by default nothing need be told.
 */
function outlierChecksAsked({ outlierDetection, dryRun }: Options): OutlierCheck[] {
  return [
    ...checksOf(outlierDetection, ['outlierDetection']),
    ...checksOf(dryRun?.outlierDetection, ['dryRun', 'outlierDetection']),
  ];
}

function checksOf(given: OutlierDetectionOptions | false | undefined, at: OptionPath): OutlierCheck[] {
  if (!given) return [];
  const policy = resolveEjectionPolicy(given);
  const alone = policy.consecutiveFailures === false;
  return OUTLIER_CHECKS.flatMap((check) => {
    const settings = policy[check];
    if (settings === false || !(alone || given[check])) return [];
    return [{ option: [...at, check], minimumNodes: settings.minimumNodes }];
  });
}

/**
 * Fills in every default, as documented with the options.
 *
 * @param ownZone what the environment says of it
 */
export function resolveService(
  name: string,
  targets: readonly Target[],
  options: Options,
  strategies: StrategiesByName,
  ownZone?: string,
): ResolvedServiceOptions {
  return {
    name,
    targets,
    strategy: resolveStrategy(options.strategy, strategies),
    strategies,
    ...resolveCalls(options, strategies),
    hashKey: options.hashKey,
    limits: resolveLimits(options.limits),
    explainErrors: options.explainErrors ?? false,
    waitForReady: options.waitForReady ?? false,
    minReady: options.minReady ?? 1,
    panicThreshold: options.panicThreshold ?? 50,
    healthCheck: options.healthCheck === false ? false : resolveHealthCheck(options.healthCheck ?? {}),
    outlierDetection: options.outlierDetection !== false && resolveEjectionPolicy(options.outlierDetection),
    outlierChecksAsked: outlierChecksAsked(options),
    dryRun: resolveDryRun(options.dryRun ?? {}, strategies),
    slowStart: options.slowStart ?? false,
    locality: resolveLocality(options.locality ?? {}, ownZone),
    subset: options.subset ? { clientId: CLIENT_ID, ...withoutUndefined(options.subset) } : false,
    connection: resolveConnection(options.connection ?? {}),
    tls: options.tls,
    context: {
      forward: options.context?.forward ?? 'all',
      authorization: options.context?.authorization ?? false,
    },
    interceptors: options.interceptors ?? [],
    transport: withoutUndefined(options.transport ?? {}),
  };
}

type Calls = Pick<ResolvedServiceOptions, 'calls' | 'patterns' | 'retryBudget'>;

const DEFAULT_RETRY: RetryPolicy = Object.freeze({
  maxAttempts: 3,
  retryOn: undefined,
  backoff: DEFAULT_RETRY_BACKOFF,
});

const DEFAULT_CALLS: CallSettings = Object.freeze({
  timeout: 5_000,
  retry: DEFAULT_RETRY,
  hedge: undefined,
  strategy: undefined,
  idempotent: undefined,
  hashKey: undefined,
});

function resolveCalls({ timeout, retry, hedge, ...options }: Options, strategies: StrategiesByName): Calls {
  const calls = callSettings(DEFAULT_CALLS, { timeout, retry, hedge }, strategies);
  const patterns = new Map(
    Object.entries(options.patterns ?? {}).map(([text, own]) => [text, callSettings(calls, own, strategies)]),
  );
  return { calls, patterns, retryBudget: retry === false ? {} : (retry?.budget ?? {}) };
}

type OwnCallSettings = { readonly [K in keyof PatternOptions]: PatternOptions[K] | undefined };

function callSettings(
  base: CallSettings,
  { timeout, retry, hedge, strategy, idempotent, hashKey }: OwnCallSettings,
  strategies: StrategiesByName,
): CallSettings {
  return {
    timeout: timeout ?? base.timeout,
    retry: retry === false ? withoutRetries(base.retry) : retryPolicyOver(base.retry, retry),
    hedge: hedge === undefined ? base.hedge : hedge || undefined,
    strategy: strategy === undefined ? undefined : resolveStrategy(strategy, strategies),
    idempotent: idempotent ?? base.idempotent,
    hashKey,
  };
}

function resolveDryRun(
  { strategy, outlierDetection }: DryRunOptions,
  strategies: StrategiesByName,
): ResolvedServiceOptions['dryRun'] {
  return {
    strategy: strategy === undefined ? undefined : resolveStrategy(strategy, strategies),
    outlierDetection: outlierDetection && resolveEjectionPolicy(outlierDetection),
  };
}

function resolveLimits(options: LimitsOptions | undefined): ResolvedLimits | undefined {
  if (options === undefined) return undefined;
  const { maxInFlight = Infinity, maxInFlightPerNode = Infinity, queue = 0, adaptive = false } = options;
  const { size, drop = 'newest' } = typeof queue === 'number' ? { size: queue } : queue;
  return {
    maxInFlight,
    maxInFlightPerNode,
    queue: { size, drop },
    adaptive: adaptive === true ? {} : adaptive || undefined,
  };
}

function resolveLocality(
  { zone, callers, minNodes, overProvisioning }: LocalityOptions,
  ownZone: string | undefined,
): LocalitySettings {
  return {
    zone: zone === false ? undefined : (ownZone ?? zone),
    callers: callers && new Map(Object.entries(callers)),
    minNodes: minNodes ?? DEFAULT_LOCALITY.minNodes,
    overProvisioning: overProvisioning ?? DEFAULT_LOCALITY.overProvisioning,
  };
}

function resolveHealthCheck(options: HealthCheckOptions): Required<HealthCheckOptions> {
  const interval = options.interval ?? 5_000;
  return {
    interval,
    timeout: options.timeout ?? Math.min(500, interval),
    healthyThreshold: options.healthyThreshold ?? 1,
    unhealthyThreshold: options.unhealthyThreshold ?? 2,
    jitter: options.jitter ?? 0.2,
  };
}

function resolveConnection(options: ConnectionSettings): ResolvedServiceOptions['connection'] {
  const { initial, multiplier, jitter, max } = options.backoff ?? {};
  return {
    connectTimeout: options.connectTimeout ?? 2_000,
    keepAlive: options.keepAlive ?? 10_000,
    idleTimeout: options.idleTimeout ?? 0,
    eager: options.eager ?? 100,
    backoff: {
      initial: initial ?? Math.min(DEFAULT_BACKOFF.initial, max ?? Infinity),
      multiplier: multiplier ?? DEFAULT_BACKOFF.multiplier,
      jitter: jitter ?? DEFAULT_BACKOFF.jitter,
      max: max ?? Math.max(DEFAULT_BACKOFF.max, initial ?? 0),
    },
  };
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
