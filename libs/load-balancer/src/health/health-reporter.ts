import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { LoadBalancerRegistry } from '../client/registry.js';
import { drained, isDraining } from '../server/drain-state.js';
import { registrationSnapshots } from '../server/registration/registration-state.js';
import {
  healthReport,
  missingNodes,
  missingRegistrations,
  overallStatus,
  type HealthReport,
  type ReadinessReport,
} from './health-report.js';
import type { HealthRequest, ResolvedHealthOptions } from './load-balancer-health.options.js';

/** Injection token of the module's options. */
export const HEALTH_OPTIONS = Symbol('nestjs-load-balancer.health.options');

/** What the health routes answer, and what they keep to themselves. */
@Injectable()
export class HealthReporter implements OnModuleDestroy, BeforeApplicationShutdown {
  private readonly logger = new Logger('LoadBalancerHealth');
  private shuttingDown = false;

  constructor(
    private readonly registry: LoadBalancerRegistry,
    @Inject(HEALTH_OPTIONS) private readonly options: ResolvedHealthOptions,
  ) {}

  /** The first hook of a shutdown: HTTP still answers, until every `beforeApplicationShutdown` has run. */
  onModuleDestroy(): void {
    this.shuttingDown = true;
  }

  /**
   * Nest closes HTTP before the microservices of a hybrid application. While one of them drains already, as on SIGTERM, HTTP
   * goes on to answer that nothing more should be sent here.
   */
  beforeApplicationShutdown(): Promise<void> {
    return drained();
  }

  async health(request: HealthRequest): Promise<HealthReport> {
    const details = await this.maySeeDetails(request);
    const services = this.registry.snapshots();
    return details ? healthReport(services, registrationSnapshots()) : { status: overallStatus(services) };
  }

  async readiness(request: HealthRequest): Promise<ReadinessReport> {
    if (this.shuttingDown || isDraining()) return { status: 'shutting-down' };
    const reasons = [
      ...missingNodes(this.registry.snapshots()),
      ...missingRegistrations(registrationSnapshots()),
    ];
    if (reasons.length === 0) return { status: 'ready' };
    return (await this.maySeeDetails(request)) ? { status: 'not-ready', reasons } : { status: 'not-ready' };
  }

  private async maySeeDetails(request: HealthRequest): Promise<boolean> {
    const { details } = this.options;
    if (typeof details === 'string') return details === 'always';
    try {
      // Only `true`: a predicate written in JavaScript must not open up by returning some object.
      const allowed: unknown = await details(request);
      return allowed === true;
    } catch (error) {
      this.logger.error(
        '`details` threw, so they are not shown',
        error instanceof Error ? error.stack : String(error),
      );
      return false;
    }
  }
}
