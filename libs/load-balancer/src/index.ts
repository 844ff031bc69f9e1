export { BalancedClientProxy } from './client/balanced-client-proxy.js';
export type { BroadcastOptions, BroadcastReport } from './client/broadcast.js';
export type { CallInterceptor, OutgoingCall } from './client/call-interceptor.js';
export type { CallOptions, CallStrategy } from './client/call-options.js';
export { HashKey } from './client/hash-key.decorator.js';
export type { HashKeySource } from './client/hash-key.js';
export { LoadBalancerRegistry, type RegisteredClient } from './client/registry.js';
export type { AttemptOutcome, AttemptRecord } from './cluster/attempt-record.js';
export type {
  FailurePercentageOptions,
  LatencyOptions,
  OutlierDetectionOptions,
  SuccessRateOptions,
} from './cluster/ejection/ejection-policy.js';
export type { DryEjectionReport } from './cluster/ejection/dry-ejection.js';
export type { Endpoint, ResolvedEndpoint } from './cluster/endpoint.js';
export type { LocalityOptions } from './cluster/locality/places.js';
export type { SubsetOptions } from './cluster/locality/subset.js';
export {
  describeExplanation,
  type CandidateExplanation,
  type ChoiceExplanation,
  type EffectiveSettings,
  type PickExplanation,
} from './cluster/pick-explanation.js';
export type { SlowStartOptions } from './cluster/slow-start.js';
export type {
  DiscoverySnapshot,
  DryRunSnapshot,
  LoadReport,
  NodeSnapshot,
  NodeStatus,
  PlaceSnapshot,
  ServiceSnapshot,
  TargetSnapshot,
} from './cluster/snapshot.js';
export type { ContextOptions } from './context/context-options.js';
export { ContextInterceptor } from './context/context.interceptor.js';
export type { Peer } from './context/peer.js';
export { ReqContext } from './context/request-context.decorator.js';
export { RequestContext } from './context/request-context.js';
export {
  RegistrationRefusedError,
  type Registrar,
  type Registration,
  type RegistrationLease,
} from './discovery/registrar.js';
export type {
  ResolveContact,
  ResolvedNode,
  ResolvedPart,
  ResolveFailure,
  Resolver,
  ResolverEmission,
  Target,
} from './discovery/resolver.js';
export * from './errors.js';
export { BalancedClient } from './module/balanced-client.decorator.js';
export { LoadBalancerExceptionFilter, type RpcErrorAnswer } from './module/load-balancer-exception.filter.js';
export { LoadBalancerModule } from './module/load-balancer.module.js';
export type {
  BackoffOptions,
  ConnectionSettings,
  ContextForwardOptions,
  DryRunOptions,
  HealthCheckOptions,
  LimitsOptions,
  LoadBalancerAsyncResult,
  LoadBalancerModuleAsyncOptions,
  LoadBalancerModuleOptions,
  LoadBalancerOptionsFactory,
  PatternOptions,
  QueueOptions,
  RetryBackoffOptions,
  RetryOptions,
  ServiceOptions,
  StrategyOptions,
  TransportOptions,
} from './module/options.js';
export type { Gradient2Options } from './resilience/gradient2-limit.js';
export type { HedgeDelay, HedgeOptions } from './resilience/hedge-policy.js';
export type { DropPolicy } from './resilience/pending-queue.js';
export type { RetryBudgetOptions } from './resilience/retry-budget.js';
export type { RetryOn } from './resilience/retry-policy.js';
export { getBalancedClientToken } from './module/tokens.js';
export type {
  BalancedTcpServerOptions,
  Priority,
  ServerLimitsOptions,
} from './server/balanced-tcp-server-options.js';
export { BalancedTcpServer } from './server/balanced-tcp-server.js';
export type { Register, RegisterOptions } from './server/registration/registration-options.js';
export type {
  RegistrationModuleAsyncOptions,
  RegistrationModuleOptions,
} from './server/registration/registration-module-options.js';
export { RegistrationModule } from './server/registration/registration.module.js';
export { Cost, Idempotent } from './server/handler-marks.js';
export type { ReportFigures } from './server/load-reporter.js';
export type { DryRunCounts } from './strategies/dry-run.js';
export type { PickFirstOptions } from './strategies/pick-first.js';
export type { StrategyName } from './strategies/registry.js';
export type { ReportedWeightsOptions } from './strategies/reported-weights.js';
export type {
  PickContext,
  Strategy,
  StrategyClass,
  StrategyDeps,
  StrategyExplanation,
  StrategyFactory,
  StrategyNode,
} from './strategies/strategy.js';
export type { WeightedRoundRobinOptions } from './strategies/weighted-round-robin.js';
export type { LoadBalancerEvent } from './telemetry/events.js';
