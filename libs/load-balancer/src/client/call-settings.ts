import type { ResolvedStrategy } from '../module/options.js';
import type { HedgeOptions } from '../resilience/hedge-policy.js';
import type { HedgePolicy } from '../resilience/hedge-policy.js';
import type { RetryPolicy } from '../resilience/retry-policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { CallOptions, CallStrategy } from './call-options.js';
import type { HashKeyOf, HashKeySource } from './hash-key.js';
import { hashKeyReader } from './hash-key.js';
import type { HedgePolicies } from './hedge-policies.js';
import type { UpstreamNode } from './upstream-node.js';

/** How calls of a service, or of one of its patterns, are made, with every default filled in. */
export interface CallSettings {
  /** Milliseconds, 0 for no limit. */
  readonly timeout: number;
  readonly retry: RetryPolicy;
  /** `undefined` for none. */
  readonly hedge: HedgeOptions | undefined;
  /** `undefined`: the service's own. */
  readonly strategy: ResolvedStrategy | undefined;
  /** `undefined`: what the provider says of its handler. */
  readonly idempotent: boolean | undefined;
  /** Where the hash key of a pattern's calls comes from; `undefined`: as for all calls of the service. */
  readonly hashKey: HashKeySource | undefined;
}

/**
 * The same, ready for use by one client: a hedge policy remembers the latency that it follows, and what is wrong with a
 * user's `hashKey` is told once.
 */
export interface CallPolicy extends Omit<CallSettings, 'hedge' | 'hashKey' | 'strategy'> {
  readonly hedge: HedgePolicy | undefined;
  /** `undefined`: the service's own. */
  readonly strategy: Strategy<UpstreamNode> | undefined;
  readonly hashKeyOf: HashKeyOf;
}

/**
 * @param usualKeyOf the hash key of calls, unless the settings say otherwise
 * @param strategyOf makes the strategy, if the settings have one
 * @param hedgeOf makes the hedge policy, if they hedge
 * @param onFault told of a `hashKey` that throws
 */
export function callPolicy(
  { hedge, hashKey, strategy, ...settings }: CallSettings,
  usualKeyOf: HashKeyOf,
  strategyOf: (setting: ResolvedStrategy) => Strategy<UpstreamNode>,
  hedgeOf: (hedge: HedgeOptions) => HedgePolicy,
  onFault: (fault: string) => void,
): CallPolicy {
  return {
    ...settings,
    strategy: strategy && strategyOf(strategy),
    hedge: hedge && hedgeOf(hedge),
    hashKeyOf: hashKey === undefined ? usualKeyOf : hashKeyReader(hashKey, onFault),
  };
}

/** A retry policy with what is said of it in one place over what holds without. */
export function retryPolicyOver(
  base: RetryPolicy,
  own: Exclude<CallOptions['retry'], false> | undefined,
): RetryPolicy {
  if (own === undefined) return base;
  const { initial = base.backoff.initial, multiplier = base.backoff.multiplier, max } = own.backoff ?? {};
  return {
    maxAttempts: own.maxAttempts ?? base.maxAttempts,
    retryOn: own.retryOn ?? base.retryOn,
    backoff: { initial, multiplier, max: max ?? Math.max(base.backoff.max, initial) },
  };
}

/** The policy without retries, but for those that nobody sees. */
export function withoutRetries(base: RetryPolicy): RetryPolicy {
  return { ...base, maxAttempts: 1 };
}

/**
 * The policy of one call: its own options over those of its pattern or service.
 *
 * @param strategyOf the strategy that the call names
 */
export function policyOf(
  base: CallPolicy,
  { timeout, idempotent, retry, hedge, strategy }: CallOptions,
  hedges: HedgePolicies,
  strategyOf: (named: CallStrategy) => Strategy<UpstreamNode>,
): CallPolicy {
  if (
    timeout === undefined &&
    idempotent === undefined &&
    retry === undefined &&
    hedge === undefined &&
    strategy === undefined
  )
    return base;
  return {
    strategy: strategy === undefined ? base.strategy : strategyOf(strategy),
    timeout: timeout ?? base.timeout,
    idempotent: idempotent ?? base.idempotent,
    retry: retry === false ? withoutRetries(base.retry) : retryPolicyOver(base.retry, retry),
    hedge: hedge === undefined ? base.hedge : hedge === false ? undefined : hedges.of(hedge),
    hashKeyOf: base.hashKeyOf,
  };
}
