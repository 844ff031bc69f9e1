import { ReplaySubject, Subject } from 'rxjs';
import type { LoadBalancerModuleOptions, ServiceOptions } from '../module/options.js';
import type { Endpoint } from '../cluster/endpoint.js';
import { validateModuleOptions } from '../module/validation/validate-module-options.js';
import type { BuildPacket } from '../client/outgoing-request.js';
import type { UpstreamNode } from '../client/upstream-node.js';
import { Upstream } from '../client/upstream.js';
import type { ResolverEmission } from '../discovery/resolver.js';
import type { LoadBalancerEvent } from '../telemetry/events.js';
import type { FakeRequest } from './fake-transport.js';
import { FakeTransport } from './fake-transport.js';

/** A service without sockets: the real `Upstream` over connections and a resolver that the test drives. */
export class FakeService {
  readonly upstream: Upstream;
  readonly events: LoadBalancerEvent[] = [];
  readonly logs: string[] = [];
  readonly availability: boolean[] = [];
  /** Every connection that was opened, by node, the latest last. */
  readonly transports = new Map<string, FakeTransport[]>();
  /** Every node there has been, also those that have left. */
  readonly nodes = new Set<UpstreamNode>();
  /** Replaces the packets that calls make; throws what a user's hook would. */
  buildPacket: BuildPacket = ({ pattern, data }) => ({ pattern, data });

  private readonly endpoints = new ReplaySubject<ResolverEmission>(1);
  private readonly eventSubject = new Subject<LoadBalancerEvent>();

  /**
   * @param options nodes are taken in turn unless these say otherwise, so that a test knows where calls go
   * @param found what finds the nodes; by default the test does, with `resolve()`
   */
  constructor(
    options: Omit<ServiceOptions, 'target'> = {},
    found: Pick<ServiceOptions, 'target'> & Pick<LoadBalancerModuleOptions, 'resolvers'> = {
      target: 'fake:///orders',
    },
  ) {
    const resolver = { schemes: ['fake'], watch: () => this.endpoints };
    const { services } = validateModuleOptions(
      {
        resolvers: [resolver, ...(found.resolvers ?? [])],
        services: {
          orders: { strategy: 'round-robin', healthCheck: false, ...options, target: found.target },
        },
      },
      { env: {}, declares: false },
    );
    const validated = services.get('orders');
    if (!validated) throw new Error('not validated');
    this.eventSubject.subscribe((event) => {
      this.events.push(event);
      if (event.type === 'node-added') this.remember(event.node);
    });
    this.upstream = new Upstream(validated.options, {
      sources: validated.sources,
      buildPacket: (request, remaining, isRetry) => this.buildPacket(request, remaining, isRetry),
      routeOf: (pattern) => (typeof pattern === 'string' ? pattern : JSON.stringify(pattern)),
      socketListeners: [],
      events: this.eventSubject,
      onAvailability: (available) => this.availability.push(available),
      log: (message) => this.logs.push(message),
      openTransport: ({ host, port }, listener) => {
        const transport = new FakeTransport(listener);
        const key = `${host}:${port}`;
        this.transports.set(key, [...(this.transports.get(key) ?? []), transport]);
        return transport;
      },
    });
    this.upstream.start();
  }

  /** Calls back on every event, in the middle of whatever causes it. */
  onEvent(callback: (event: LoadBalancerEvent) => void): void {
    this.eventSubject.subscribe(callback);
  }

  /** The resolver tells the nodes, as `host:port` or with labels. */
  resolve(...nodes: (string | Endpoint)[]): void {
    this.endpoints.next(nodes);
  }

  /** The resolver tells some of the nodes, and what is the matter with the others. */
  resolvePartly(nodes: readonly string[], warning: string): void {
    this.endpoints.next({ nodes, warning });
  }

  failToResolve(reason: string): void {
    this.endpoints.next({ failure: reason });
  }

  /** The latest connection to a node. */
  transport(key: string): FakeTransport {
    const transport = this.transports.get(key)?.at(-1);
    if (!transport) throw new Error(`nobody has connected to ${key}`);
    return transport;
  }

  /** Opens all connections that are being made. What waits for them is told in a later microtask. */
  accept(...keys: string[]): void {
    for (const key of keys) this.transport(key).accept();
  }

  /** Every request on every connection, in order for each. */
  get requests(): FakeRequest[] {
    return [...this.transports.values()].flat().flatMap(({ requests }) => requests);
  }

  status(key: string): string | undefined {
    return this.upstream.cluster.nodes.get(key)?.status;
  }

  private remember(key: string): void {
    const node = this.upstream.cluster.nodes.get(key);
    if (node) this.nodes.add(node);
  }
}
