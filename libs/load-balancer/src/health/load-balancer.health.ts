import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { LoadBalancerRegistry } from '../client/registry.js';
import type { ServiceSnapshot } from '../cluster/snapshot.js';
import { overallStatus, type HealthStatus } from './health-report.js';

/** Options of `LoadBalancerHealthIndicator#isHealthy()`. */
export interface LoadBalancerIndicatorOptions {
  /** The services to look at; all of them by default. */
  services?: readonly string[];
}

/** One service in the result of the indicator. */
export interface ServiceIndication {
  status: HealthStatus;
  /** Nodes that calls can go to now, those included whose first call opens the connection. */
  ready: number;
  total: number;
  minReady: number;
  /** Only there while it is true: health is ignored, since too few nodes are healthy. */
  panic?: true;
  /** What is wrong with discovery, or with the name of the service. */
  error?: string;
  /** The first ten nodes that take no calls: `{ '10.0.0.2:4001': 'disconnected: connect ECONNREFUSED …' }`. */
  notReady?: Record<string, string>;
}

/** Terminus logs the whole result of each failed check: name enough nodes to see what is up, not all 10 000. */
const NODES_LISTED = 10;

/**
 * The balanced clients as an indicator of your own Terminus controller. It reads what the clients know already and
 * does no I/O, so it can be asked as often as you like.
 *
 * - `down` when a service has fewer ready nodes than its `minReady`, or when there is no service of a given name.
 * - `degraded` when all have enough but a node is missing or discovery fails. Terminus 11 has no such status:
 *   there it is `up`, and the detail of the service says `degraded`.
 * - `up` otherwise.
 *
 * `LoadBalancerHealthModule` makes it injectable. Who does not want that module's routes provides it: it needs a
 * `LoadBalancerModule` somewhere in the application, and `TerminusModule` where it is provided.
 *
 * @example
 * ```ts
 * @Module({ imports: [TerminusModule], controllers: [HealthController], providers: [LoadBalancerHealthIndicator] })
 * class HealthModule {}
 *
 * @Controller('health')
 * class HealthController {
 *   constructor(private readonly health: HealthCheckService, private readonly loadBalancer: LoadBalancerHealthIndicator) {}
 *
 *   @Get() @HealthCheck()
 *   check() {
 *     return this.health.check([() => this.loadBalancer.isHealthy('upstreams', { services: ['orders'] })]);
 *   }
 * }
 * ```
 */
@Injectable()
export class LoadBalancerHealthIndicator {
  constructor(
    private readonly registry: LoadBalancerRegistry,
    private readonly indicators: HealthIndicatorService,
  ) {}

  /** The state of the services now, under `key`. */
  isHealthy<const Key extends string>(
    key: Key,
    options: LoadBalancerIndicatorOptions = {},
  ): HealthIndicatorResult<Key> {
    const indications = this.indications(options.services);
    const data = { services: Object.fromEntries(indications) };
    // Terminus 11 has no `degraded`, and drops a result whose status it does not know.
    const session: Degradable<Key> = this.indicators.check(key);
    switch (overallStatus(indications.map(([, indication]) => indication))) {
      case 'down':
        return session.down(data);
      case 'degraded':
        return session.degraded?.(data) ?? session.up(data);
      case 'up':
        return session.up(data);
    }
  }

  private indications(names: readonly string[] | undefined): [name: string, indication: ServiceIndication][] {
    if (!names) return this.registry.snapshots().map((service) => [service.name, indicate(service)]);
    return names.map((name) => {
      const client = this.registry.get(name);
      return [name, client ? indicate(client.snapshot()) : this.unknown()];
    });
  }

  private unknown(): ServiceIndication {
    const known = this.registry.names().join(', ') || 'none';
    const error = `no balanced client has this name; there are: ${known}`;
    return { status: 'down', ready: 0, total: 0, minReady: 0, error };
  }
}

/** What both Terminus 11 and 12 offer, and what only 12 does. */
interface Degradable<Key extends string> {
  up(data: Record<string, unknown>): HealthIndicatorResult<Key>;
  down(data: Record<string, unknown>): HealthIndicatorResult<Key>;
  degraded?(data: Record<string, unknown>): HealthIndicatorResult<Key>;
}

function indicate({
  status,
  ready,
  total,
  minReady,
  panic,
  discovery,
  nodes,
}: ServiceSnapshot): ServiceIndication {
  const notReady = nodes
    .filter(({ status }) => status !== 'ready' && status !== 'idle')
    .slice(0, NODES_LISTED);
  return {
    status,
    ready,
    total,
    minReady,
    ...(panic && { panic }),
    ...(discovery.error !== undefined && { error: `discovery: ${discovery.error}` }),
    ...(notReady.length > 0 && {
      notReady: Object.fromEntries(notReady.map((node) => [node.key, `${node.status}: ${node.reason}`])),
    }),
  };
}
