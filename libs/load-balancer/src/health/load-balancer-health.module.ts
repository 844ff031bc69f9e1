import { Module, type DynamicModule } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { LoadBalancerCoreModule } from '../module/load-balancer-core.module.js';
import { HEALTH_OPTIONS, HealthReporter } from './health-reporter.js';
import { createHealthController } from './load-balancer-health.controller.js';
import { resolveHealthOptions, type LoadBalancerHealthOptions } from './load-balancer-health.options.js';
import { LoadBalancerHealthIndicator } from './load-balancer.health.js';

/** Holds the routes: Nest adds a module's static metadata to its dynamic one, so the public module can have no routes of its own. */
@Module({})
class HealthRoutesModule {
  static forRoot(options: LoadBalancerHealthOptions): DynamicModule {
    const resolved = resolveHealthOptions(options);
    return {
      module: HealthRoutesModule,
      imports: [LoadBalancerCoreModule],
      controllers: [createHealthController(resolved)],
      providers: [
        HealthReporter,
        { provide: HEALTH_OPTIONS, useValue: resolved },
        LoadBalancerHealthIndicator,
        // All that the indicator needs of Terminus: importing its module would make a second one beside the application's.
        HealthIndicatorService,
      ],
      exports: [LoadBalancerHealthIndicator],
    };
  }
}

/**
 * Serves the state of every balanced client over the application's own HTTP server, Express or Fastify, and makes
 * {@link LoadBalancerHealthIndicator} injectable for Terminus controllers of your own:
 *
 * | route | 200 | 503 |
 * |---|---|---|
 * | `GET /health` | every service is up or degraded | a service is down: fewer ready nodes than its `minReady` |
 * | `GET /health/live` | always, while the process can answer | |
 * | `GET /health/ready` | every service has its `minReady` nodes | one has not, a server of the process has not been registered yet, or the application is shutting down |
 *
 * The routes read what the clients know already and do no I/O. See {@link HealthReport} and {@link ReadinessReport} for
 * the bodies. Node addresses are shown to whoever reaches the route: set `details` where strangers can.
 *
 * A global prefix applies as to any controller; to keep the routes outside of it:
 * `app.setGlobalPrefix('api', { exclude: ['health', 'health/*path'] })`. URI versioning does not apply. Global guards do:
 * let the routes pass with `decorators: [Public()]`, or whatever your guard looks for.
 *
 * @example
 * ```ts
 * @Module({ imports: [LoadBalancerModule.forRoot({ services }), LoadBalancerHealthModule] })
 * class AppModule {}
 *
 * // or, with options
 * LoadBalancerHealthModule.forRoot({ path: 'internal/health', details: 'never' })
 * ```
 */
@Module({ imports: [HealthRoutesModule.forRoot({})], exports: [HealthRoutesModule] })
export class LoadBalancerHealthModule {
  /** @throws InvalidOptionsError when an option is unknown or has a wrong value. */
  static forRoot(options: LoadBalancerHealthOptions = {}): DynamicModule {
    return HealthRoutesModule.forRoot(options);
  }
}
