import type { Target } from '../../discovery/resolver.js';
import { DEFAULT_BACKOFF } from '../../resilience/backoff.js';
import type {
  ConnectionSettings,
  HealthCheckOptions,
  ResolvedServiceOptions,
  ServiceOptions,
} from '../options.js';
import { isObject } from './schema.js';
import { resolveStrategy, type StrategiesByName } from './strategies.js';

type Options = Partial<ServiceOptions>;

/** The options whose own options are merged with those of `defaults`. */
const MERGED = ['healthCheck', 'connection', 'tls', 'context', 'transport'] as const;

/** A service's options over `defaults`. Both have been checked. */
export function mergeDefaults(defaults: Options, service: Options): Options {
  const merged: Record<string, unknown> = { ...defaults, ...withoutUndefined(service) };
  for (const key of MERGED) {
    const [base, own] = [defaults[key], service[key]];
    if (isObject(base) && isObject(own)) merged[key] = { ...base, ...withoutUndefined(own) };
  }
  return merged;
}

/** Fills in every default, as documented with the options. */
export function resolveService(
  name: string,
  target: Target,
  options: Options,
  strategies: StrategiesByName,
): ResolvedServiceOptions {
  return {
    name,
    target,
    strategy: resolveStrategy(options.strategy, strategies),
    timeout: options.timeout ?? 5_000,
    waitForReady: options.waitForReady ?? false,
    minReady: options.minReady ?? 1,
    panicThreshold: options.panicThreshold ?? 50,
    healthCheck: options.healthCheck === false ? false : resolveHealthCheck(options.healthCheck ?? {}),
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
