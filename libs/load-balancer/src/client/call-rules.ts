import type { ResolvedServiceOptions } from '../module/options.js';
import { pathTo } from '../module/validation/schema.js';
import type { HedgeOptions } from '../resilience/hedge-policy.js';
import { HedgePolicy } from '../resilience/hedge-policy.js';
import { LatencyWindow } from '../resilience/latency-window.js';
import { RetryBudget } from '../resilience/retry-budget.js';
import type { Strategy } from '../strategies/strategy.js';
import { Admission } from './admission.js';
import type { CallStrategy } from './call-options.js';
import type { CallPolicy, CallSettings } from './call-settings.js';
import { callPolicy, policyOf } from './call-settings.js';
import { defaultHashKey } from './hash-key.js';
import { HedgePolicies } from './hedge-policies.js';
import type { LiveDoubts } from './live-doubts.js';
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

  private readonly hedges: HedgePolicies;
  private readonly base: CallPolicy;
  private readonly byRoute: ReadonlyMap<string, CallPolicy> | undefined;
  /** Does anybody ask for latencies? */
  private hedged: boolean;

  constructor(
    { name, calls, patterns, limits, retryBudget, hashKey }: ResolvedServiceOptions,
    private readonly routeOf: RouteOf,
    private readonly strategies: ServiceStrategies,
    private readonly doubts: LiveDoubts,
    log: (fault: string) => void,
  ) {
    this.hedges = new HedgePolicies((delay, late) => doubts.earlyHedge('send(…).hedge.delay', delay, late));
    const usualKeyOf = defaultHashKey(hashKey, log);
    const hedgeOf = (hedge: HedgeOptions, path: string): HedgePolicy =>
      new HedgePolicy(hedge, (late) =>
        // What a pattern has from the service stands there.
        doubts.earlyHedge(
          `${hedge === calls.hedge ? servicePath : path}.hedge.delay`,
          Number(hedge.delay),
          late,
        ),
      );
    const policyAt = (settings: CallSettings, path: string, onFault: (fault: string) => void): CallPolicy =>
      callPolicy(
        settings,
        usualKeyOf,
        (setting) => strategies.ofPattern(setting, pathTo(path, 'strategy')),
        (hedge) => hedgeOf(hedge, path),
        onFault,
      );
    const servicePath = pathTo('services', name);
    this.base = policyAt(calls, servicePath, log);
    this.retryBudget = new RetryBudget(retryBudget);
    this.admission = limits && new Admission(limits);
    this.nodeLimit = limits?.maxInFlightPerNode ?? Infinity;
    this.byRoute =
      patterns.size === 0
        ? undefined
        : new Map(
            [...patterns].map(([text, settings]) => [
              this.routeOfText(text),
              policyAt(settings, pathTo(pathTo(servicePath, 'patterns'), text), (fault) =>
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
    const policy = policyOf(base, options, this.hedges, this.strategyOf);
    if (options.hashKey !== undefined && !this.strategies.mayUseHashKey(policy.strategy))
      this.doubts.idleHashKey('send(…).hashKey', this.strategies.nameOf(policy.strategy));
    return policy;
  }

  /** The same for a call that is not made: nothing is remembered of it. */
  policyToExplain({ pattern, options }: OutgoingRequest): CallPolicy {
    const base = this.byRoute?.get(this.routeOf(pattern)) ?? this.base;
    return policyOf(base, options, this.hedges, (named) =>
      this.strategies.toExplain(named, 'explain(…).strategy'),
    );
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
