import type { ResolvedServiceOptions } from '../module/options.js';
import { pathTo } from '../module/validation/schema.js';
import { LatencyWindow } from '../resilience/latency-window.js';
import { RetryBudget } from '../resilience/retry-budget.js';
import type { Strategy } from '../strategies/strategy.js';
import { Admission } from './admission.js';
import type { CallStrategy } from './call-options.js';
import type { CallPolicy, CallSettings } from './call-settings.js';
import { callPolicy, policyOf } from './call-settings.js';
import { defaultHashKey } from './hash-key.js';
import { HedgePolicies } from './hedge-policies.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { ServiceStrategies } from './service-strategies.js';
import type { UpstreamNode } from './upstream-node.js';

/** The route that Nest makes of a pattern. */
export type RouteOf = (pattern: unknown) => string;

/** What all calls of one service share: their policies by pattern, the budget of their retries, and their limits. */
export class CallRules {
  readonly retryBudget: RetryBudget;
  /** `undefined` without limits. */
  readonly admission: Admission | undefined;
  /** Attempts in flight at which a node is full. */
  readonly nodeLimit: number;
  /** What the delays of hedges follow. */
  readonly latencies = new LatencyWindow();

  private readonly hedges = new HedgePolicies();
  private readonly base: CallPolicy;
  private readonly byRoute: ReadonlyMap<string, CallPolicy> | undefined;
  /** Does anybody ask for latencies? */
  private hedged: boolean;

  constructor(
    { name, calls, patterns, limits, retryBudget, hashKey }: ResolvedServiceOptions,
    private readonly routeOf: RouteOf,
    private readonly strategies: ServiceStrategies,
    log: (fault: string) => void,
  ) {
    const usualKeyOf = defaultHashKey(hashKey, log);
    const policyAt = (settings: CallSettings, path: string, onFault: (fault: string) => void): CallPolicy =>
      callPolicy(
        settings,
        usualKeyOf,
        (setting) => strategies.ofPattern(setting, pathTo(path, 'strategy')),
        onFault,
      );
    const path = pathTo('services', name);
    this.base = policyAt(calls, path, log);
    this.retryBudget = new RetryBudget(retryBudget);
    this.admission = limits && new Admission(limits);
    this.nodeLimit = limits?.maxInFlightPerNode ?? Infinity;
    this.byRoute =
      patterns.size === 0
        ? undefined
        : new Map(
            [...patterns].map(([text, settings]) => [
              this.routeOfText(text),
              policyAt(settings, pathTo(pathTo(path, 'patterns'), text), (fault) =>
                log(`patterns[${JSON.stringify(text)}].${fault}`),
              ),
            ]),
          );
    this.hedged =
      calls.hedge !== undefined || [...patterns.values()].some(({ hedge }) => hedge !== undefined);
  }

  /** The policy of a call: its own options over its pattern's over the service's. */
  policyOf({ pattern, options }: OutgoingRequest): CallPolicy {
    const base = this.byRoute?.get(this.routeOf(pattern)) ?? this.base;
    if (options.hedge) this.hedged = true;
    return policyOf(base, options, this.hedges, this.strategyOf);
  }

  private readonly strategyOf = (named: CallStrategy): Strategy<UpstreamNode> =>
    this.strategies.ofCall(named, 'strategy');

  /** Has the provider marked the handler with `@Idempotent()`? Asked only when there is something to repeat. */
  providerSaysIdempotent({ handle }: UpstreamNode, pattern: unknown): boolean {
    const idempotent = handle.capabilities?.idempotent;
    return idempotent !== undefined && idempotent.size > 0 && idempotent.has(this.routeOf(pattern));
  }

  /** A pattern in text, for people. */
  textOf(pattern: unknown): string {
    return this.routeOf(pattern);
  }

  /** An attempt was answered, or given up, after so many milliseconds. */
  latency(latency: number, now: () => number): void {
    if (this.hedged) this.latencies.record(latency, now());
  }

  /** A pattern as users write it among the options: a string as it is, an object as its JSON, however that is laid out. */
  private routeOfText(text: string): string {
    if (!text.startsWith('{')) return text;
    try {
      return this.routeOf(JSON.parse(text));
    } catch {
      return text;
    }
  }
}
