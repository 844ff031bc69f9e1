import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import type { ReadPacket, TcpEvents } from '@nestjs/microservices';
import { ClientProxy } from '@nestjs/microservices';
import { defer, from, Observable, ReplaySubject, Subject } from 'rxjs';
import type { PickExplanation } from '../cluster/pick-explanation.js';
import type { NodeSnapshot, ServiceSnapshot } from '../cluster/snapshot.js';
import { forwardedMetadata, outgoingMetadata } from '../context/metadata-codec.js';
import { RequestContext } from '../context/request-context.js';
import { withinContext } from '../context/within-context.js';
import type { TargetSource } from '../discovery/resolver-registry.js';
import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import { AvailabilityLog } from '../health/availability-log.js';
import type { ResolvedServiceOptions } from '../module/options.js';
import type { LoadBalancerEvent } from '../telemetry/events.js';
import type { SocketListener } from '../transport/transport-settings.js';
import type { BroadcastOptions, BroadcastReport } from './broadcast.js';
import { broadcast, validateBroadcastOptions } from './broadcast.js';
import type { CallMethod, CallOptions, CallStrategy } from './call-options.js';
import { validateCallOptions } from './call-options.js';
import { BalancedCall } from './call.js';
import { explainCall } from './explain-call.js';
import { clientClosed } from './failures.js';
import { intercept } from './intercept.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { RegisteredClient } from './registry.js';
import { Upstream } from './upstream.js';

const NO_OPTIONS: Readonly<CallOptions> = Object.freeze({});

/** What a client is made of; the module puts it together. */
export interface BalancedClientSettings {
  readonly options: ResolvedServiceOptions;
  readonly sources: readonly TargetSource[];
}

/**
 * A `ClientProxy` over all the nodes of one service. What works with `ClientTCP` works with it; each call goes to one
 * healthy node, chosen by the service's strategy.
 *
 * @example
 * ```ts
 * constructor(@BalancedClient('orders') private readonly orders: BalancedClientProxy) {}
 *
 * quote(dto: QuoteDto) {
 *   return this.orders.send({ cmd: 'quote' }, dto, { timeout: 300 });
 * }
 * ```
 */
export class BalancedClientProxy
  // The statuses are any text here, so that it can be passed where a `ClientProxy` is wanted (a `ClientTCP` cannot).
  extends ClientProxy<TcpEvents>
  implements RegisteredClient, OnApplicationBootstrap, OnApplicationShutdown
{
  /** The name of the service. */
  readonly service: string;

  private readonly logger: Logger;
  private readonly availabilityLog: AvailabilityLog;
  private readonly eventSubject = new Subject<LoadBalancerEvent>();
  private readonly socketListeners: SocketListener[] = [];
  private upstream: Upstream;
  private started = false;

  constructor(private readonly settings: BalancedClientSettings) {
    super();
    this.service = settings.options.name;
    this.logger = new Logger(`${BalancedClientProxy.name}(${this.service})`);
    this.availabilityLog = new AvailabilityLog(this.logger, this.service);
    this.upstream = this.openUpstream();
  }

  /** What happens inside: membership, health, failed attempts. Hot; nothing is kept for late subscribers. */
  get events(): Observable<LoadBalancerEvent> {
    return this.eventSubject.asObservable();
  }

  /** Is there a ready node? Tells each change, and how things stand to whoever subscribes later. */
  override get status(): Observable<'connected' | 'disconnected'> {
    return super.status as Observable<'connected' | 'disconnected'>;
  }

  /** The nodes with their state, as they are now. */
  nodes(): readonly NodeSnapshot[] {
    return this.upstream.snapshot().nodes;
  }

  /**
   * Where a call would go if it were made now, and why: every node with its score, or why it is left out, the strategy, and
   * the settings that apply. Nothing is sent and nothing changes, the turn of no strategy either. Interceptors do not see it.
   *
   * @throws InvalidOptionsError for wrong `options`, or without a pattern
   *
   * @example
   * ```ts
   * const { choice, candidates } = this.orders.explain({ cmd: 'quote' }, dto, { hashKey: dto.customerId });
   * ```
   */
  explain(pattern: unknown, data?: unknown, options?: CallOptions): PickExplanation {
    if (isNil(pattern))
      throw new InvalidOptionsError([{ path: 'explain(…)', message: `expected a pattern, got ${pattern}` }]);
    const request = this.capture('explain', pattern, data, options);
    return explainCall(this.upstream, request, this.upstream.rules.policyToExplain(request));
  }

  /** The whole service with its state, as `/health` shows it. */
  snapshot(): ServiceSnapshot {
    return this.upstream.snapshot();
  }

  /**
   * Sends a message to one node. The Observable is cold, as in Nest: every subscription is a call of its own. What of
   * the request context is forwarded is captured here, not when it is subscribed to.
   *
   * @throws (through the Observable) what the handler threw, as plain Nest delivers it; `NoNodesError`,
   * `ConnectFailedError`, `ConnectionLostError`, `DeadlineExceededError`, `CancelledError`, `ClientClosedError`;
   * synchronously `InvalidOptionsError` for wrong `options`.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the signature of ClientProxy
  override send<TResult = any, TInput = any>(
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the signature of ClientProxy
    pattern: any,
    data: TInput,
    options?: CallOptions,
  ): Observable<TResult> {
    if (isNil(pattern) || isNil(data)) return super.send(pattern, data);
    return this.request('send', pattern, data, options) as Observable<TResult>;
  }

  /** Hands an event to one node. Hot, as in Nest: it goes out whether or not anybody subscribes. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the signature of ClientProxy
  override emit<TResult = any, TInput = any>(
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the signature of ClientProxy
    pattern: any,
    data: TInput,
    options?: CallOptions,
  ): Observable<TResult> {
    if (isNil(pattern) || isNil(data)) return super.emit(pattern, data);
    const result = new ReplaySubject<unknown>(1);
    this.request('emit', pattern, data, options).subscribe(result);
    return result.asObservable() as Observable<TResult>;
  }

  /**
   * Hands an event to every node that can take it (the first ones, when none can yet), and tells which got it. Hot, like
   * `emit()`. Interceptors are for calls and do not see it.
   *
   * @throws (through the Observable) `NoNodesError` when no node can be reached, `DeadlineExceededError` when none came in
   * time, `ClientClosedError`;
   * synchronously `InvalidOptionsError` for wrong `options`
   */
  broadcast<TInput = unknown>(
    pattern: unknown,
    data: TInput,
    options?: BroadcastOptions,
  ): Observable<BroadcastReport> {
    if (isNil(pattern) || isNil(data)) return super.emit<never, TInput>(pattern, data);
    validateBroadcastOptions(options);
    const request = this.capture('broadcast', pattern, data, options);
    const result = new ReplaySubject<BroadcastReport>(1);
    from(this.broadcastNow(request)).subscribe(result);
    return result.asObservable();
  }

  /**
   * Resolves once a call can be sent. Not needed before `send()`, which waits by itself for nodes that are connecting.
   * Opens the client again after `close()`.
   *
   * @throws `NoNodesError` when every node has been tried and none can be reached, `ClientClosedError` when it is
   * closed meanwhile
   */
  async connect(): Promise<void> {
    if (this.upstream.closed) {
      this.upstream = this.openUpstream();
      this.started = false;
    }
    this.start();
    await this.upstream.ready();
  }

  /**
   * Takes no more calls, lets those in flight finish (for as long as their deadlines allow; calls without one, as long as the
   * service's `timeout`, or 5 s), then closes every connection.
   */
  async close(): Promise<void> {
    this.socketListeners.length = 0;
    await this.upstream.close();
  }

  /** Listens to an event of every node's socket, those of now and those to come, until `close()`. */
  override on<EventKey extends keyof TcpEvents>(event: EventKey, callback: TcpEvents[EventKey]): void {
    const attached = { event, listener: callback as SocketListener['listener'] };
    this.socketListeners.push(attached);
    for (const node of this.upstream.cluster.nodes.values()) node.handle.channel.on(attached);
  }

  /**
   * The sockets of the connected nodes (`net.Socket[]`).
   *
   * @throws Error when none is connected, as in `ClientTCP`
   */
  unwrap<T>(): T {
    const sockets = [...this.upstream.cluster.nodes.values()].flatMap(
      ({ handle }) => handle.channel.transport?.unwrap() ?? [],
    );
    if (sockets.length === 0) throw new Error('Not initialized. Please call the "connect" method first.');
    return sockets as T;
  }

  /** Nest 11 has no such hook; here it works on both. */
  override setOnDispatchHook(hook: (packet: ReadPacket) => void): void {
    this.onDispatchHook = hook;
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Never used: each node's transport publishes. Present because `ClientProxy` demands it. */
  protected publish(): () => void {
    throw new Error('BalancedClientProxy sends through send() and emit()');
  }

  protected dispatchEvent(): Promise<never> {
    return Promise.reject(new Error('BalancedClientProxy sends through send() and emit()'));
  }

  private request(
    method: CallMethod,
    pattern: unknown,
    data: unknown,
    options?: CallOptions,
  ): Observable<unknown> {
    const request = this.capture(method, pattern, data, options);
    return this.settings.options.interceptors.length === 0
      ? this.call(request)
      : this.intercepted(request, method);
  }

  /** Each subscription runs through the interceptors; what they throw is an error of the Observable. */
  private intercepted(request: OutgoingRequest, method: CallMethod): Observable<unknown> {
    const { interceptors, context: forwarding } = this.settings.options;
    const { pattern, data, context } = request;
    const call = defer(() => {
      // The forwarding of the context is the first interceptor: those of the user see, and may change, what it set.
      const forwarded = forwardedMetadata(context, forwarding);
      const options = { ...request.options, metadata: { ...forwarded, ...request.options.metadata } };
      return intercept(interceptors, { service: this.service, pattern, data, options }, (changed) => {
        if (changed.options !== options) this.validate(changed.options, method);
        return this.call({
          ...request,
          contextForwarded: true,
          pattern: changed.pattern,
          data: changed.data,
          options: changed.options,
        });
      });
    });
    return context ? withinContext(context, () => call) : call;
  }

  private call(request: OutgoingRequest): Observable<unknown> {
    return new Observable((subscriber) => {
      this.start();
      const call = new BalancedCall(this.upstream, request, subscriber);
      call.start();
      return call;
    });
  }

  private capture(
    method: CallMethod,
    pattern: unknown,
    data: unknown,
    options?: CallOptions,
  ): OutgoingRequest {
    if (options !== undefined) this.validate(options, method);
    return {
      kind: method === 'send' ? 'request' : 'event',
      pattern,
      data,
      options: options ?? NO_OPTIONS,
      context: RequestContext.current(),
      contextForwarded: false,
    };
  }

  /** @throws InvalidOptionsError */
  private validate(options: CallOptions, method: CallMethod): void {
    const path = `${method}(…).strategy`;
    // What plain JavaScript passes may be null.
    const named = (options as CallOptions | null)?.strategy;
    try {
      validateCallOptions(options, method);
    } catch (error) {
      if (!(error instanceof InvalidOptionsError) || named === undefined) throw error;
      throw new InvalidOptionsError([...error.problems, ...this.strategyProblems(named, path)]);
    }
    // The caller is to hear of a wrong one at once, so it is made here, the first time.
    if (named !== undefined && method !== 'explain') this.upstream.strategies.ofCall(named, path);
  }

  private strategyProblems(named: CallStrategy, path: string): readonly OptionsProblem[] {
    try {
      this.upstream.strategies.toExplain(named, path);
      return [];
    } catch (error) {
      return error instanceof InvalidOptionsError ? error.problems : [];
    }
  }

  private start(): void {
    if (this.started) return;
    this.started = true;
    this.upstream.start();
  }

  private openUpstream(): Upstream {
    const upstream: Upstream = new Upstream(this.settings.options, {
      sources: this.settings.sources,
      buildPacket: this.buildPacket,
      routeOf: (pattern) => this.normalizePattern(pattern as string),
      socketListeners: this.socketListeners,
      events: this.eventSubject,
      onAvailability: (available) => {
        // One that is being closed has no say any more once another has been opened.
        if (upstream !== this.upstream) return;
        if (!upstream.closed)
          this.availabilityLog.changed(available, {
            mayServe: () => upstream.cluster.available || upstream.worthWaiting,
            explain: () => upstream.noNodes().message,
          });
        this._status$.next(available ? 'connected' : 'disconnected');
      },
      log: (message) => this.logger.warn(message),
    });
    return upstream;
  }

  private async broadcastNow(request: OutgoingRequest): Promise<BroadcastReport> {
    const { upstream } = this;
    if (upstream.closed) throw clientClosed(this.service);
    this.start();
    const timeout = request.options.timeout ?? this.settings.options.calls.timeout;
    const report = await broadcast(upstream, () => this.buildPacket(request, undefined, false), timeout);
    if (report.sent.length === 0 && report.failed.length === 0) throw upstream.noNodes();
    return report;
  }

  private readonly buildPacket = (
    request: OutgoingRequest,
    remaining: number | undefined,
    isRetry: boolean,
  ): ReadPacket => {
    const { kind, pattern, data, options, context } = request;
    const packet: ReadPacket = { pattern, data };
    // The hook sees what plain Nest would show it, and what it sets wins over everything but the deadline.
    this.onDispatchHook?.(packet);
    if (kind === 'event') packet.pattern = this.normalizePattern(packet.pattern as string);
    const forwarded =
      context === undefined || request.contextForwarded
        ? undefined
        : forwardedMetadata(context, this.settings.options.context);
    const marked = isRetry || (context?.isRetry ?? false);
    const metadata = outgoingMetadata(forwarded, options.metadata, packet.metadata, remaining, marked);
    if (metadata !== undefined) packet.metadata = metadata;
    return packet;
  };
}

function isNil(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}
