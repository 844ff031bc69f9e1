import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Type } from '@nestjs/common';
import type { ClientTCP, Deserializer, Serializer, TcpSocket } from '@nestjs/microservices';
import type { ConnectionOptions } from 'node:tls';
import type { CallInterceptor } from '../client/call-interceptor.js';
import type { CallSettings } from '../client/call-settings.js';
import type { HashKeySource } from '../client/hash-key.js';
import type { HedgeOptions } from '../resilience/hedge-policy.js';
import type { Gradient2Options } from '../resilience/gradient2-limit.js';
import type { DropPolicy } from '../resilience/pending-queue.js';
import type { RetryBudgetOptions } from '../resilience/retry-budget.js';
import type { RetryOn } from '../resilience/retry-policy.js';
import type { EjectionPolicy, OutlierDetectionOptions } from '../cluster/ejection/ejection-policy.js';
import type { Endpoint } from '../cluster/endpoint.js';
import type { LocalityOptions, LocalitySettings } from '../cluster/locality/places.js';
import type { SubsetOptions } from '../cluster/locality/subset.js';
import type { SlowStartOptions } from '../cluster/slow-start.js';
import type { ContextOptions } from '../context/context-options.js';
import type { Resolver, Target } from '../discovery/resolver.js';
import type { StrategyName } from '../strategies/registry.js';
import type { StrategyClass, StrategyFactory } from '../strategies/strategy.js';

/** Options of `LoadBalancerModule.forRoot()`. */
export interface LoadBalancerModuleOptions {
  /**
   * The services by name: a target alone (its URI, several of them, or the endpoints), or all of a service's options. Those
   * of the environment are added.
   */
  services?: Record<string, string | readonly string[] | readonly Endpoint[] | ServiceOptions>;
  /**
   * What every service starts from. A service's own options win key by key, and so do those inside `retry`,
   * `limits`, `healthCheck`, `outlierDetection`, `slowStart`, `locality`, `subset`, `connection`, `tls`, `context` and
   * `transport`; anything else is replaced as a whole.
   */
  defaults?: Partial<Omit<ServiceOptions, 'target'>>;
  /** Resolvers for further URI schemes, as instances or classes without constructor arguments. They win over built-in ones. */
  resolvers?: readonly (Resolver | Type<Resolver>)[];
  /** Strategies of one's own by name, to use like the built-in ones. They win over those of the same name. */
  strategies?: Record<string, StrategyFactory | StrategyClass>;
  /** What the request context takes from incoming requests. */
  context?: ContextOptions;
  /** Makes the clients injectable in every module; `false` by default, as elsewhere in Nest. */
  isGlobal?: boolean;
}

/** Options of `forRootAsync()` that the factory returns: all but what must be known before it runs. */
export type LoadBalancerAsyncResult = Omit<LoadBalancerModuleOptions, 'isGlobal'>;

/** What a class given as `useClass` or `useExisting` implements. */
export interface LoadBalancerOptionsFactory {
  createLoadBalancerOptions(): LoadBalancerAsyncResult | Promise<LoadBalancerAsyncResult>;
}

/** Options of `LoadBalancerModule.forRootAsync()`. Exactly one of the three `use…` must be there. */
export interface LoadBalancerModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** The names of the services, since their injection tokens must exist before the factory runs. */
  services?: readonly string[];
  useFactory?: (...args: never[]) => LoadBalancerAsyncResult | Promise<LoadBalancerAsyncResult>;
  useClass?: Type<LoadBalancerOptionsFactory>;
  useExisting?: InjectionToken<LoadBalancerOptionsFactory>;
  inject?: (InjectionToken | OptionalFactoryDependency)[];
  isGlobal?: boolean;
}

/** Options of one service. */
export interface ServiceOptions {
  /**
   * Where its nodes are found: a URI (`static:///10.0.0.1:4001,10.0.0.2:4001`, `dns:///orders.internal:4001`), the
   * endpoints themselves, or several URIs as an order of fallback (`['dns:///orders.internal:4001', 'static:///10.0.0.1:4001']`):
   * the nodes of the first have the highest priority.
   */
  target: string | readonly string[] | readonly Endpoint[];
  /** How a node is chosen: by name, by name with options, or by a factory or class; `peak-ewma` by default. */
  strategy?: StrategyName | (string & {}) | StrategyOptions | StrategyFactory | StrategyClass;
  /**
   * Milliseconds for the whole call, 5 000 by default, 0 for no limit. A shorter inherited deadline wins. This and all
   * other times are at most 2 147 483 647 ms (24.8 days), the longest that timers know.
   */
  timeout?: number;
  /**
   * Retries of calls that are marked `idempotent`, and of those that a server refused for lack of capacity; at most 3
   * attempts by default, `false` for none. What was certainly never processed goes to another node in any case.
   */
  retry?: RetryOptions | false;
  /** A second attempt beside the first when that stays silent, for calls that are marked `idempotent`; none by default. */
  hedge?: HedgeOptions | false;
  /**
   * What a call is about, for the strategies `ring-hash` and `maglev`: the name of a field of the data, a key of the request
   * context (`{ context: 'x-tenant' }`), or a function of data and context. A number counts as its text; a call for which
   * there is neither text nor number goes anywhere. The call's own `hashKey`, its pattern's and the `@HashKey()` of its
   * data's class win, in this order.
   */
  hashKey?: HashKeySource;
  /** How much may be under way at once; no limit by default. What is too much fails at once with `OVERLOADED`. */
  limits?: LimitsOptions;
  /**
   * Options for some patterns, by their text: `'quote'`, or `'{"cmd":"quote"}'` for `{ cmd: 'quote' }`. They win over the
   * service's, and those of the call over both.
   */
  patterns?: Readonly<Record<string, PatternOptions>>;
  /** Errors of calls tell in `explanation` what the pick went by; `false` by default. It costs O(n) for each attempt. */
  explainErrors?: boolean;
  /** With no node to use, wait for one until the deadline instead of failing with `NO_NODES`; `false` by default. */
  waitForReady?: boolean;
  /** Ready nodes below which `/health` calls the service down and `/health/ready` answers 503; 1 by default, 0 for never. */
  minReady?: number;
  /**
   * Percentage of healthy nodes (0–100) below which health is ignored and every connected node is used; 50 by default (Envoy),
   * 0 for never. Of nodes with priorities each decides for itself, once all of them together cannot carry the calls.
   */
  panicThreshold?: number;
  /**
   * Active probes; `false` for none. They also find out what a `BalancedTcpServer` can do: without them it is treated as a
   * stock server, which is told of no cancellation and tells of no drain.
   */
  healthCheck?: HealthCheckOptions | false;
  /**
   * Takes out nodes whose calls are lost or time out, though they are connected and answer probes; `false` for never. With
   * `{}` and by default: after 5 failures in a row, and when a node fails notably more often than at least 4 others.
   */
  outlierDetection?: OutlierDetectionOptions | false;
  /** Decides alongside and takes no effect: what another strategy, or another ejection policy, would do. */
  dryRun?: DryRunOptions;
  /** A node that joins or comes back gets its share of the calls bit by bit; `false`, the default, for all of it at once. */
  slowStart?: SlowStartOptions | false;
  /**
   * How calls are kept in this process's own zone and spill to others, and when those of a priority spill to the next
   * one. Without `zone` or `LB_ZONE` zones do not matter; priorities always do, where nodes have them.
   */
  locality?: LocalityOptions;
  /** Use only some nodes of a large service, each client others; all of them by default and with `false`. */
  subset?: SubsetOptions | false;
  connection?: ConnectionSettings;
  /** TLS to the nodes, as `tls.connect` takes it. */
  tls?: ConnectionOptions;
  /** What of the request context is forwarded to this service. */
  context?: ContextForwardOptions;
  /** Wrapped round every call, the first one outermost; the forwarding of the context stands before them all. */
  interceptors?: readonly CallInterceptor[];
  transport?: TransportOptions;
}

/**
 * What is tried out on real calls before it acts; give one or both. What comes of it is told in the service's snapshot, in
 * `/health` and in `events`. The load that it sees is that of the strategy and the ejections which act.
 */
export interface DryRunOptions {
  /**
   * Asked for every pick beside the service's own strategy (not beside those of patterns and calls); it is counted how often
   * the two agree. `least-loaded` asks servers for their load here, too.
   */
  strategy?: ServiceOptions['strategy'];
  /** An ejection policy that is told of every attempt and ejects nobody: events `would-eject` and `would-return`. */
  outlierDetection?: OutlierDetectionOptions;
}

/** Retries. */
export interface RetryOptions {
  /** Attempts for a call, the first one included, 1–5; 3 by default. */
  maxAttempts?: number;
  /**
   * Which failures of idempotent calls are retried: codes (`CONNECTION_LOST`, or the `code` of a handler's error), or a
   * predicate of the error and its code. By default a lost connection is, and no error of a handler.
   */
  retryOn?: RetryOn;
  /** Full jitter: each delay is anything from 0 to the value; 50 ms × 2, at most 1 000 ms by default. */
  backoff?: RetryBackoffOptions;
  /** What all retries and hedges of the service together may add to its load. */
  budget?: RetryBudgetOptions;
}

export interface RetryBackoffOptions {
  /** The longest first delay in milliseconds; 50 by default. */
  initial?: number;
  /** What it is multiplied by each time, 1–100; 2 by default. */
  multiplier?: number;
  /** The longest delay in milliseconds; 1 000 by default, or `initial` when that is longer. */
  max?: number;
}

/** Limits to what is under way at once. */
export interface LimitsOptions {
  /** Calls of the service, at least 1. */
  maxInFlight?: number;
  /** Attempts on one node, at least 1; a full node is passed over. */
  maxInFlightPerNode?: number;
  /** Calls that may wait for their turn, 0 (none) by default; or how many and which of them go when it is full. */
  queue?: number | QueueOptions;
  /** A limit for the service that finds itself (Gradient2), beside `maxInFlight`; off by default. */
  adaptive?: boolean | Gradient2Options;
}

export interface QueueOptions {
  /** Calls that may wait, at least 1. */
  size: number;
  /** Who is turned away when it is full: the call that has waited longest, or (by default) the one that comes. */
  drop?: DropPolicy;
}

/** What may differ from pattern to pattern. */
export interface PatternOptions {
  timeout?: number;
  /** Key by key over the service's; its budget is shared by all. */
  retry?: Omit<RetryOptions, 'budget'> | false;
  hedge?: HedgeOptions | false;
  /** How a node is chosen for its calls; by default as for all calls of the service. */
  strategy?: ServiceOptions['strategy'];
  /** May a call be processed twice without harm? By default what the provider says with `@Idempotent()`, else no. */
  idempotent?: boolean;
  /** What its calls are about; see `ServiceOptions.hashKey`. It wins over the `@HashKey()` of the data's class. */
  hashKey?: HashKeySource;
}

/** A strategy by name with its own options beside it. */
export interface StrategyOptions {
  name: StrategyName | (string & {});
  [option: string]: unknown;
}

/** Active probes: a request to a reserved pattern that every Nest provider answers. */
export interface HealthCheckOptions {
  /** Milliseconds between two probes of one node; 5 000 by default, at least 10. */
  interval?: number;
  /** Milliseconds a probe may take, at most the interval; 500 by default, or the interval when that is shorter. */
  timeout?: number;
  /** Good probes in a row that bring a node back; 1 by default. The first one after a connect admits it at once. */
  healthyThreshold?: number;
  /** Failed probes in a row that take a node out; 2 by default. */
  unhealthyThreshold?: number;
  /** Share of the interval (0–1) by which each probe is moved at random; 0.2 by default. */
  jitter?: number;
}

/** The connections to the nodes. */
export interface ConnectionSettings {
  /** Milliseconds (at least 1) to establish a connection (with TLS); 2 000 by default. */
  connectTimeout?: number;
  /** Milliseconds (at least 1) of silence before TCP keep-alive probes start; 10 000 by default, `false` for none. */
  keepAlive?: number | false;
  /** Milliseconds without a call after which a lazily opened connection is closed; 0 (the default) for never. */
  idleTimeout?: number;
  /**
   * How many nodes are connected at start-up, of each priority in turn; the rest when first picked. 100 by default.
   */
  eager?: number;
  /**
   * Delays between attempts to connect: 1 000 ms × 1.6, ± 20 %, at most 120 000 ms by default (gRPC). While no node is
   * ready they do not grow: each node is tried again after the first delay, of many nodes ten a second.
   */
  backoff?: BackoffOptions;
}

export interface BackoffOptions {
  /**
   * The first delay in milliseconds, at least 1; 1 000 by default, or `max` when that is shorter. The very first
   * attempt after a loss is made at once.
   */
  initial?: number;
  /** What the delay is multiplied by each time, 1–100; 1.6 by default. */
  multiplier?: number;
  /** Share by which each delay is moved at random (0–1); 0.2 by default. */
  jitter?: number;
  /**
   * The longest delay in milliseconds before jitter; 120 000 by default, or `initial` when that is longer. Active probes
   * look for a lost node more often.
   */
  max?: number;
}

/** What is forwarded of the request being served. Request id, trace and deadline always are. */
export interface ContextForwardOptions {
  /** Further keys to forward, out of those that the module's `context.allow` lets in; all of them by default. */
  forward?: readonly string[];
  /** Forward the caller's `authorization`; `false` by default. */
  authorization?: boolean;
}

/** What `ClientTCP` takes, with the same meaning. */
export interface TransportOptions {
  serializer?: Serializer;
  deserializer?: Deserializer;
  /** The framing of messages; our `FastTcpSocket` by default, which speaks the same bytes as Nest's `JsonSocket`. */
  socketClass?: Type<TcpSocket>;
  /** A `ClientTCP` subclass of one's own, made once for each node. */
  customClass?: Type<ClientTCP>;
  /** Characters of one incoming message; Nest's default. */
  maxBufferSize?: number;
  /** Milliseconds a node may stay silent in the middle of a message; Nest's default, 0 for no limit. */
  incompleteMessageTimeout?: number;
  /** Bytes queued for a node that does not read; Nest's default, 0 for no limit. */
  maxSendBufferSize?: number;
}

/** One service's options, validated and with every default filled in: what the inside works with. */
export interface ResolvedServiceOptions {
  readonly name: string;
  /** In their order of fallback. */
  readonly targets: readonly Target[];
  readonly strategy: ResolvedStrategy;
  /** Every strategy that a call may name. */
  readonly strategies: ReadonlyMap<string, StrategyFactory>;
  /** How calls are made, unless their pattern has settings of its own. */
  readonly calls: CallSettings;
  /** By the text of the pattern, as it was written. */
  readonly patterns: ReadonlyMap<string, CallSettings>;
  /** Where the hash key of calls comes from whose pattern and data say nothing of it. */
  readonly hashKey: HashKeySource | undefined;
  readonly retryBudget: RetryBudgetOptions;
  readonly limits: ResolvedLimits | undefined;
  readonly explainErrors: boolean;
  readonly waitForReady: boolean;
  readonly minReady: number;
  readonly panicThreshold: number;
  readonly healthCheck: Readonly<Required<HealthCheckOptions>> | false;
  readonly outlierDetection: EjectionPolicy | false;
  /** Those of its checks, and of the dry run's, that somebody relies on. */
  readonly outlierChecksAsked: readonly OutlierCheck[];
  readonly dryRun: {
    readonly strategy: ResolvedStrategy | undefined;
    readonly outlierDetection: EjectionPolicy | undefined;
  };
  readonly slowStart: SlowStartOptions | false;
  readonly locality: LocalitySettings;
  readonly subset: Readonly<Required<SubsetOptions>> | false;
  readonly connection: Readonly<Required<Omit<ConnectionSettings, 'backoff'>>> & {
    readonly backoff: Readonly<Required<BackoffOptions>>;
  };
  readonly tls: ConnectionOptions | undefined;
  readonly context: { readonly forward: readonly string[] | 'all'; readonly authorization: boolean };
  readonly interceptors: readonly CallInterceptor[];
  readonly transport: TransportOptions;
}

/** Where an option stands, from the service down: `['hedge', 'delay']`. */
export type OptionPath = readonly [key: keyof ServiceOptions, ...further: (string | number)[]];

/** A check of `outlierDetection` that compares nodes. */
export interface OutlierCheck {
  readonly option: OptionPath;
  readonly minimumNodes: number;
}

/** A strategy that options ask for, with what makes it. */
export interface ResolvedStrategy {
  readonly name: string;
  readonly factory: StrategyFactory;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Limits with every default filled in; `Infinity` for none. */
export interface ResolvedLimits {
  readonly maxInFlight: number;
  readonly maxInFlightPerNode: number;
  readonly queue: { readonly size: number; readonly drop: DropPolicy };
  readonly adaptive: Gradient2Options | undefined;
}
