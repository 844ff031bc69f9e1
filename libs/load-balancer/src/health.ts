/**
 * `nestjs-load-balancer/health`: the state of the balanced clients over HTTP and for Terminus. It needs the optional
 * peer dependency `@nestjs/terminus`, which the rest of the package does without.
 */
export type {
  DiscoveryHealth,
  HealthReport,
  HealthStatus,
  NodeHealth,
  ReadinessReport,
  RegistrationHealth,
  ServiceHealth,
} from './health/health-report.js';
export type { HealthRequest, LoadBalancerHealthOptions } from './health/load-balancer-health.options.js';
export { LoadBalancerHealthModule } from './health/load-balancer-health.module.js';
export {
  LoadBalancerHealthIndicator,
  type LoadBalancerIndicatorOptions,
  type ServiceIndication,
} from './health/load-balancer.health.js';
