import type { Observer } from 'rxjs';
import { Observable, Subject } from 'rxjs';
import { BalancedCall } from '../../client/call.js';
import type { CallOptions } from '../../client/call-options.js';
import { Upstream } from '../../client/upstream.js';
import type { Endpoint } from '../../cluster/endpoint.js';
import { fixedTarget } from '../../discovery/static.resolver.js';
import type { Deadlines } from '../../context/deadlines.js';
import type { ResolvedServiceOptions } from '../../module/options.js';
import type { LoadBalancerEvent } from '../../telemetry/events.js';
import type { NodeTransport, TransportListener } from '../../transport/node-transport.js';
import type { TransportSettings } from '../../transport/transport-settings.js';
import type { Random } from './chance.js';
import type { SimulatedCall } from './simulated-call.js';
import { routeOf } from './simulated-pattern.js';
import type { SimulatedPacket } from './simulated-transport.js';
import type { VirtualTime } from './virtual-time.js';

export interface SimulatedClientSettings {
  readonly options: ResolvedServiceOptions;
  /** The servers that it is told of. */
  readonly endpoints: readonly Endpoint[];
  readonly openTransport: (settings: TransportSettings, listener: TransportListener) => NodeTransport;
  readonly onEvent: (event: LoadBalancerEvent) => void;
  /** Told what the library would log. */
  readonly onLog: (message: string) => void;
}

/** One process that calls the service: the library itself, but for its sockets and its clock. */
export class SimulatedClient {
  private readonly upstream: Upstream;

  constructor(
    { options, endpoints, openTransport, onEvent, onLog }: SimulatedClientSettings,
    time: VirtualTime,
    deadlines: Deadlines,
    random: Random,
  ) {
    const events = new Subject<LoadBalancerEvent>();
    events.subscribe(onEvent);
    this.upstream = new Upstream(options, {
      sources: [fixedTarget(endpoints)],
      buildPacket: ({ pattern, data }, remaining): SimulatedPacket => ({
        pattern,
        data: data as SimulatedCall,
        remaining,
      }),
      routeOf,
      socketListeners: [],
      events,
      onAvailability: () => undefined,
      log: onLog,
      openTransport,
      time: time.source(random),
      deadlines,
    });
  }

  start(): void {
    this.upstream.start();
  }

  call(call: SimulatedCall & Observer<unknown>, pattern: string, options: Readonly<CallOptions>): void {
    const request = {
      kind: 'request' as const,
      pattern,
      data: call,
      options,
      context: undefined,
      contextForwarded: true,
    };
    new Observable((subscriber) => {
      const balanced = new BalancedCall(this.upstream, request, subscriber);
      balanced.start();
      return balanced;
    }).subscribe(call);
  }
}
