import type { Subject } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import type { ResolvedEndpoint } from '../cluster/endpoint.js';
import type { ConnectionState } from '../cluster/node.js';
import { chooseSubset } from '../cluster/locality/subset.js';
import { snapshotService } from '../cluster/service-snapshot.js';
import type { NodeStatus, ServiceSnapshot } from '../cluster/snapshot.js';
import type { LoadBalancerError } from '../errors.js';
import { Discovery } from '../discovery/discovery.js';
import type { TargetSource } from '../discovery/resolver-registry.js';
import { Prober } from '../health/prober.js';
import type { ResolvedServiceOptions, ResolvedStrategy } from '../module/options.js';
import { pathTo } from '../module/validation/schema.js';
import type { Strategy } from '../strategies/strategy.js';
import type { LoadBalancerEvent } from '../telemetry/events.js';
import { SYSTEM_TIME, type TimeSource } from '../time-source.js';
import { NodeChannel } from '../transport/node-channel.js';
import { openTransport } from '../transport/open-transport.js';
import { reasonOf } from '../transport/reason.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { SocketListener } from '../transport/transport-settings.js';
import { Availability } from './availability.js';
import type { Attempt, FailedAttemptOutcome } from './attempt.js';
import type { RouteOf } from './call-rules.js';
import { CallRules } from './call-rules.js';
import type { CallLifetime } from './call-lifetime.js';
import { deadlines, type Deadlines } from '../context/deadlines.js';
import { clientClosed, noNodes } from './failures.js';
import type { BuildPacket } from './outgoing-request.js';
import { strategyStack, type UpstreamStrategyDeps } from './create-strategy.js';
import { eagerNodes } from './eager-nodes.js';
import { LiveDoubts } from './live-doubts.js';
import { ServiceDryRun } from './service-dry-run.js';
import { ServiceStrategies } from './service-strategies.js';
import { SilenceWatch } from './silence-watch.js';
import type { UpstreamNode } from './upstream-node.js';
import { NodeHandle } from './upstream-node.js';

/** Milliseconds that `close()` waits for calls in flight of a service whose calls have no timeout. */
const CLOSE_WITHOUT_TIMEOUT = 5_000;
/** Milliseconds more, so that a call made in the last moment meets its own deadline first. */
const CLOSE_MARGIN = 100;
/** Milliseconds between two refreshes of the strategy. */
const UPKEEP_INTERVAL = 1_000;
const CLOSED = 'the client was closed';
const LEFT = 'it has left the service';

export interface UpstreamDeps {
  /** Where its nodes are found, in their order of fallback. */
  readonly sources: readonly TargetSource[];
  readonly buildPacket: BuildPacket;
  readonly routeOf: RouteOf;
  /** Listeners that users attached with `ClientProxy#on`: live, each new socket gets those there are. */
  readonly socketListeners: readonly SocketListener[];
  readonly events: Subject<LoadBalancerEvent>;
  /** Told when the first node becomes ready, and whenever a node is lost or fails while none is; may repeat itself. */
  readonly onAvailability: (available: boolean) => void;
  readonly log: (message: string) => void;
  /** Makes the connections; replaced in tests. */
  readonly openTransport?: typeof openTransport;
  /** Time and chance, and the wheel that goes by them; replaced in simulations, both at once. */
  readonly time?: TimeSource;
  readonly deadlines?: Deadlines;
}

/**
 * One service as a client sees it: its cluster of nodes with their connections, kept up to date by a resolver and by
 * probes. It brings the pure parts (cluster, strategy) together with those that do I/O (channels, resolution, prober).
 */
export class Upstream {
  readonly cluster: Cluster<NodeHandle>;
  readonly buildPacket: BuildPacket;
  readonly strategies: ServiceStrategies;
  readonly rules: CallRules;
  readonly deadlines: Deadlines;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Closed to new calls. */
  closed = false;
  /** Closed altogether: nothing can be sent any more. */
  ended = false;
  /** Nodes that discovery lists: more than the cluster has where it has a subset of them. */
  known = 0;

  private readonly time: TimeSource;
  private readonly dryRun: ServiceDryRun;
  private readonly doubts: LiveDoubts;
  private readonly availability: Availability;
  private readonly discovery: Discovery;
  private readonly prober: Prober | undefined;
  private readonly silence: SilenceWatch | undefined;
  private readonly waiting = new Set<CallLifetime>();
  private readonly readyWaiters = new Set<() => void>();
  /** What the resolver added and removed, while it is being taken in. */
  private joining: UpstreamNode[] = [];
  private leaving: UpstreamNode[] = [];
  /** Nodes that have left and still finish what they have. */
  private readonly retiring = new Set<UpstreamNode>();
  private started = false;
  private inFlight = 0;
  /** The last deadline of all calls since there was none in flight. */
  private lastDeadline = 0;
  private eager = 0;
  private cancelUpkeep: (() => void) | undefined;
  private upkeepTold = false;
  private idleWaiter: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    readonly options: ResolvedServiceOptions,
    private readonly deps: UpstreamDeps,
  ) {
    this.buildPacket = deps.buildPacket;
    const time = deps.time ?? SYSTEM_TIME;
    this.time = time;
    this.now = time.now;
    this.random = time.random;
    this.deadlines = deps.deadlines ?? deadlines;
    const { name, healthCheck, locality } = options;
    this.doubts = new LiveDoubts(options, deps.log);
    const path = pathTo('services', name);
    const acting = this.strategyOf(options.strategy, pathTo(path, 'strategy'));
    this.dryRun = new ServiceDryRun(options, acting, {
      make: (setting) => this.strategyOf(setting, `${path}.dryRun.strategy`, 'dry run of '),
      now: this.now(),
      emit: (event) => this.emit(event),
    });
    const { strategy } = this.dryRun;
    this.availability = new Availability(options.connection.backoff, {
      nodes: () => this.cluster.nodes.values(),
      onAvailability: deps.onAvailability,
      now: this.now,
      random: this.random,
    });
    this.cluster = new Cluster<NodeHandle>(
      {
        strategy,
        panicThreshold: options.panicThreshold,
        overProvisioning: locality.overProvisioning,
        ejection: options.outlierDetection,
        dryEjection: this.dryRun.ejection,
        probed: healthCheck !== false,
        clock: time,
        random: this.random,
      },
      {
        onAdded: (node) => this.joining.push(node),
        onRemoved: (node) => this.leaving.push(node),
        onStatus: (node, from) => this.statusChanged(node, from),
        onPanic: (active, healthy, total) =>
          this.emit({ type: 'panic', service: name, active, healthy, total }),
        onEjected: ({ key: node }, reason, until) =>
          this.emit({ type: 'ejected', service: name, node, reason, until }),
        // A call may be waiting for just that.
        onTrial: () => this.changed(),
        onReturned: ({ key: node }) => this.emit({ type: 'returned', service: name, node }),
      },
    );
    this.strategies = new ServiceStrategies(
      strategy,
      options.strategy,
      options.dryRun.strategy,
      options.strategies,
      {
        make: (setting, path) => this.strategyOf(setting, path),
        admit: (further) => {
          this.cluster.admit(further);
          this.keepUp();
        },
        candidates: () => this.cluster.candidates,
      },
    );
    this.rules = new CallRules(options, deps.routeOf, this.strategies, this.doubts, (fault) =>
      deps.log(`${name}: ${fault}`),
    );
    if (healthCheck !== false) {
      const prober = new Prober(healthCheck, time);
      this.prober = prober;
      this.silence = new SilenceWatch(
        () => this.cluster.nodes.values(),
        ({ handle }) => prober.check(handle),
        time,
      );
    }
    this.discovery = new Discovery(
      deps.sources,
      {
        onEndpoints: (endpoints) => this.resolved(endpoints),
        onResolved: (target, nodes) => this.emit({ type: 'resolved', service: name, target, nodes }),
        onFailure: (target, reason) => {
          deps.log(`${name}: ${target}: ${reason}`);
          this.emit({ type: 'resolve-failed', service: name, target, reason });
          this.changed();
        },
        onWarning: (target, warning) => {
          deps.log(`${name}: ${target}: ${warning}`);
          this.emit({ type: 'resolve-warning', service: name, target, warning });
        },
      },
      time,
    );
  }

  /** Is there, or will there soon be, a node that a call could go to? */
  get worthWaiting(): boolean {
    return this.cluster.connecting || (this.cluster.nodes.size === 0 && this.discovery.starting);
  }

  /** Starts to look for nodes and to connect them. Nothing is waited for. */
  start(): void {
    this.started = true;
    this.discovery.start();
    this.keepUp();
  }

  /** Resolves once a call could be sent, rejects once it is known that none can, or when it is closed. */
  async ready(): Promise<void> {
    while (!this.closed) {
      if (this.cluster.available) return;
      if (!this.worthWaiting) throw this.noNodes();
      await new Promise<void>((resolve) => this.readyWaiters.add(resolve));
    }
    throw clientClosed(this.options.name);
  }

  callStarted(deadline: number): void {
    this.inFlight++;
    if (deadline !== Infinity && deadline > this.lastDeadline) this.lastDeadline = deadline;
    this.silence?.start();
  }

  callSettled(call: CallLifetime): void {
    if (this.waiting.size > 0) this.waiting.delete(call);
    if (--this.inFlight === 0) {
      this.lastDeadline = 0;
      this.idleWaiter?.();
    }
    this.rules.admission?.admit(this.now());
  }

  /** The call is resumed after the next change that may give it a node. */
  wait(call: CallLifetime): void {
    if (this.closed && !this.cluster.connecting) call.cutOff();
    else this.waiting.add(call);
  }

  attemptFailed(attempt: Attempt, outcome: FailedAttemptOutcome | 'timed-out'): void {
    if (!this.deps.events.observed) return;
    const { node, reason } = attempt.record();
    this.emit({ type: 'attempt-failed', service: this.options.name, node, outcome, reason });
  }

  /** A call is repeated, in so many attempts at most, for a request that may be a retry itself, for all that is known. */
  repeatsBlindly(attempts: number): void {
    this.doubts.blindRetry(attempts);
  }

  /** A call will be tried again. */
  retries({ node }: Attempt, retry: number, delay: number): void {
    if (!this.deps.events.observed) return;
    this.emit({ type: 'retry', service: this.options.name, node: node.key, retry, delay });
  }

  /** A call is sent to a further node beside this one. */
  hedges({ node }: Attempt): void {
    if (!this.deps.events.observed) return;
    this.emit({ type: 'hedge', service: this.options.name, node: node.key });
  }

  snapshot(): ServiceSnapshot {
    return snapshotService(
      this.options.name,
      this.options.minReady,
      this.cluster,
      this.discovery.snapshot(),
      { known: this.known, locality: this.options.locality, dryRun: this.dryRun.snapshot() },
    );
  }

  /** Why no node can take a call. */
  noNodes(): LoadBalancerError {
    return noNodes(this.options.name, this.cluster.nodes, this.discovery.snapshot());
  }

  /**
   * Takes no more calls, lets those in flight finish for as long as their deadlines (or the service's `timeout`) give them,
   * then closes every connection. Calls that wait for a node that is not even being connected fail at once. Whoever calls
   * it is told when that is done.
   */
  close(): Promise<void> {
    this.closed = true;
    return (this.closing ??= this.windDown());
  }

  private async windDown(): Promise<void> {
    this.discovery.close();
    this.wakeReadyWaiters();
    if (!this.cluster.connecting) for (const call of [...this.waiting]) call.cutOff();
    if (this.inFlight > 0) {
      const usual = this.options.calls.timeout || CLOSE_WITHOUT_TIMEOUT;
      await this.idleOrLate(Math.max(usual, this.lastDeadline - this.now()) + CLOSE_MARGIN);
    }
    this.ended = true;
    this.cancelUpkeep?.();
    this.prober?.close();
    this.silence?.stop();
    for (const call of [...this.waiting]) call.cutOff();
    for (const node of [...this.cluster.nodes.values(), ...this.retiring]) node.handle.close(CLOSED);
  }

  /** Resolves when no call is in flight any more, at the latest after `patience` milliseconds. */
  private idleOrLate(patience: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.time.setTimer(resolve, patience, true);
      this.idleWaiter = () => {
        cancelTimer();
        resolve();
      };
    });
  }

  /**
   * Every node has its channel before anybody is told of any change: whoever is told may make a call, and that may pick
   * whichever node there is.
   */
  private resolved(endpoints: readonly ResolvedEndpoint[]): void {
    const { connection, subset } = this.options;
    this.known = endpoints.length;
    const changed = this.cluster.apply(subset === false ? endpoints : chooseSubset(endpoints, subset));
    const { joining, leaving } = this;
    this.joining = [];
    this.leaving = [];
    for (const node of leaving) if (node.handle.eager) this.eager--;
    const eager = eagerNodes(joining, connection.eager - this.eager);
    for (const node of joining) this.equip(node, eager.has(node));
    for (const node of leaving) this.left(node);
    for (const node of joining) this.joined(node);
    if (changed) for (const node of this.cluster.nodes.values()) this.availability.relabelled(node);
    this.doubts.nodes(this.cluster.nodes.size);
    this.changed();
  }

  private equip(node: UpstreamNode, eager: boolean): void {
    const handle = new NodeHandle(node, (trailer) => this.told(node, trailer));
    handle.eager = eager;
    if (eager) this.eager++;
    node.handle = handle;
    handle.channel = this.openChannel(node, handle);
  }

  private joined(node: UpstreamNode): void {
    this.emit({ type: 'node-added', service: this.options.name, node: node.key });
    if (node.handle.eager) node.handle.channel.connect();
  }

  private openChannel(node: UpstreamNode, handle: NodeHandle): NodeChannel {
    const { connection, transport, tls } = this.options;
    const { host, port } = node.endpoint;
    const { serializer, deserializer, socketClass, customClass, ...framing } = transport;
    const open = this.deps.openTransport ?? openTransport;
    return new NodeChannel(
      (listener) =>
        open(
          {
            host,
            port,
            connectTimeout: connection.connectTimeout,
            keepAlive: connection.keepAlive,
            tlsOptions: tls,
            serializer,
            deserializer,
            socketClass,
            customClass,
            framing,
            socketListeners: this.deps.socketListeners,
          },
          listener,
        ),
      {
        backoff: (attempt) => this.availability.reconnectDelay(attempt),
        settled: connection.backoff.initial,
        idleTimeout: handle.eager ? 0 : connection.idleTimeout,
        time: this.time,
      },
      {
        onConnection: (state, reason) => this.connectionChanged(node, state, reason),
        wasUsed: () => handle.wasUsed(),
        onTrailer: (trailer) => this.told(node, trailer),
      },
    );
  }

  private left(node: UpstreamNode): void {
    const { handle } = node;
    this.availability.left(node);
    this.prober?.remove(handle);
    this.emit({ type: 'node-removed', service: this.options.name, node: node.key });
    // It finishes what it has been sent; then its connection goes.
    this.retiring.add(node);
    handle.connectionSettled(new Error(LEFT));
    node.whenIdle(() => {
      this.retiring.delete(node);
      handle.channel.close();
    });
  }

  /** What the server told of itself, beside a reply or without one. */
  private told(node: UpstreamNode, { load, draining }: ReplyTrailer): void {
    if (load) {
      node.setLoad(load);
      this.cluster.observe(node);
    }
    if (draining !== true || node.status === 'draining' || this.retiring.has(node)) return;
    node.setGoingAway();
    // It finishes what it has been sent; then the connection goes, and the next one leads to whoever listens there then.
    const { channel } = node.handle;
    const { transport } = channel;
    node.whenIdle(() => {
      if (channel.transport === transport) channel.reset('its server is about to stop');
    });
  }

  private connectionChanged(node: UpstreamNode, state: ConnectionState, reason: string): void {
    const { handle } = node;
    const { prober } = this;
    node.setConnection(state, reason);
    switch (state) {
      case 'connecting':
        prober?.add(handle);
        break;
      case 'connected':
        prober?.connected(handle);
        handle.connectionSettled(undefined);
        break;
      case 'disconnected':
        prober?.disconnected(handle);
        handle.connectionSettled(new Error(reason));
        this.discovery.refresh();
        break;
      case 'idle':
        prober?.remove(handle);
        break;
    }
  }

  private statusChanged(node: UpstreamNode, from: NodeStatus): void {
    const { status: to, reason, key } = node;
    this.availability.statusChanged(node, from);
    this.emit({ type: 'node-status', service: this.options.name, node: key, from, to, reason });
    this.changed();
  }

  /** Something changed that waiting calls may profit from. */
  private changed(): void {
    this.wakeReadyWaiters();
    this.rules.admission?.admit(this.now());
    if (this.waiting.size > 0) {
      const calls = [...this.waiting];
      this.waiting.clear();
      for (const call of calls) call.resume();
    }
  }

  private strategyOf(setting: ResolvedStrategy, path: string, what = ''): Strategy<UpstreamNode> {
    const { options, deps } = this;
    const strategyDeps: UpstreamStrategyDeps = {
      now: this.now,
      random: this.random,
      known: () => this.cluster.nodes.values(),
      // It knows no other nodes than those of the cluster.
      requestLoad: (node) => (node as UpstreamNode).handle.requestLoad(),
    };
    return strategyStack(setting, path, options, strategyDeps, (reason) =>
      deps.log(
        `${options.name}: ${what}strategy "${setting.name}": ${reason}; nodes are taken in turn instead`,
      ),
    );
  }

  /** Sees to what is due about once a second, as soon as there is anything. */
  private keepUp(): void {
    if (!this.started || this.ended || this.cancelUpkeep !== undefined) return;
    if (!this.cluster.hasUpkeep) return;
    this.cancelUpkeep = this.time.every(() => {
      try {
        this.cluster.upkeep();
      } catch (error) {
        this.upkeepFailed(error);
      }
    }, UPKEEP_INTERVAL);
  }

  /** Nobody would catch what is thrown in a timer, and the process would end. */
  private upkeepFailed(error: unknown): void {
    if (this.upkeepTold) return;
    this.upkeepTold = true;
    this.deps.log(
      `${this.options.name}: the strategies could not be refreshed: ${reasonOf(error)}; calls go on without`,
    );
  }

  private wakeReadyWaiters(): void {
    const waiters = [...this.readyWaiters];
    this.readyWaiters.clear();
    for (const wake of waiters) wake();
  }

  private emit(event: LoadBalancerEvent): void {
    this.deps.events.next(event);
  }
}
