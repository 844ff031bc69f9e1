import { ServerTCP } from '@nestjs/microservices';
import type { CustomTransportStrategy, MessageHandler, TcpSocket } from '@nestjs/microservices';
import type { Socket } from 'node:net';
import { AdoptableSettings } from '../context/adoptable-settings.js';
import { contextSettings } from '../context/context-settings.js';
import { readTimeout } from '../context/metadata-codec.js';
import { FastTcpSocket } from '../transport/fast-tcp-socket.js';
import { CANCEL_ROUTE, PROBE_ROUTE } from '../transport/probe-protocol.js';
import type { BalancedTcpServerOptions } from './balanced-tcp-server-options.js';
import { checkServerOptions } from './balanced-tcp-server-options.js';
import type { ClientConnection } from './client-connection.js';
import { ClientConnections } from './client-connections.js';
import { Drain } from './drain.js';
import type { DrainableServer } from './drain-state.js';
import { drainOnSigterm, forgetSigterm, whileDraining } from './drain-state.js';
import type { HandlerTraits } from './handler-traits.js';
import { HandlerTraitsRegistry } from './handler-traits.js';
import { LoadReporter } from './load-reporter.js';
import type { EndHook, ProcessingHooks, StartHook } from './message-runner.js';
import { MessageRunner, tcpContextOf } from './message-runner.js';
import { FEATURES, Probes } from './probes.js';
import { resolveRegister } from './registration/registration-options.js';
import { Registrations } from './registration/registrations.js';
import { ReplyWriter } from './reply-writer.js';
import { RequestGate } from './request-gate.js';
import type { IncomingPacket } from './served-message.js';
import { ServedMessage } from './served-message.js';
import { createLimits } from './server-limits.js';
import { Trailers } from './trailers.js';
import { Workload } from './workload.js';

/** Long enough for clients to turn away and for most calls, and well below the 30 s after which Kubernetes kills. */
const DEFAULT_DRAIN_TIMEOUT = 10_000;
/** Codes of socket errors that say no more than that the other side is gone. */
const LOST: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED']);

/**
 * Nest's TCP server with what a balanced service needs, on Nest 11 and 12: a `RequestContext` around all that serves a
 * message (hooks, guards, interceptors, pipes, handler and its Observable) with its deadline and a signal, drain, limits,
 * and load reports. To clients of other kinds it is plain Nest.
 *
 * @throws InvalidOptionsError with everything that is wrong with the options.
 *
 * @example
 * ```ts
 * const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
 *   strategy: new BalancedTcpServer({ host: '0.0.0.0', port: 4001, service: 'orders', drainTimeout: 20_000 }),
 * });
 * ```
 */
export class BalancedTcpServer extends ServerTCP implements CustomTransportStrategy, DrainableServer {
  /** The service's name, if one was given. */
  readonly service: string | undefined;

  private readonly drainsOnSigterm: boolean;
  private readonly registrations: Registrations | undefined;
  private readonly hooks: ProcessingHooks = {};
  private readonly connections = new ClientConnections();
  private readonly workload: Workload;
  private readonly traits: HandlerTraitsRegistry;
  private readonly drain: Drain;
  private readonly gate: RequestGate;
  private readonly probes: Probes;
  private readonly replies: ReplyWriter;
  private readonly runner: MessageRunner;
  /** Route texts that are their own routes, see `getRouteFromPattern()`. */
  private readonly plainRoutes = new Set<string>();
  private closing: Promise<void> | undefined = undefined;
  /** What the error that is being told of says, if it is just that a connection is lost. */
  private connectionLost: string | undefined = undefined;

  constructor(options: BalancedTcpServerOptions = {}) {
    checkServerOptions(options);
    const {
      service,
      register,
      registrars,
      context,
      drainTimeout,
      drainOnSigterm: drains,
      limits,
      report,
      ...tcp
    } = options;
    // Nest hands its guards to `JsonSocket` alone.
    const { maxBufferSize, incompleteMessageTimeout, maxSendBufferSize } = options;
    const socketClass =
      options.socketClass ??
      FastTcpSocket.with(withoutUndefined({ maxBufferSize, incompleteMessageTimeout, maxSendBufferSize }));
    super(withoutUndefined({ ...tcp, socketClass }));
    this.service = service;
    this.drainsOnSigterm = drains ?? true;
    if (register !== undefined && service !== undefined)
      this.registrations = new Registrations({
        ...resolveRegister(register, registrars),
        service,
        features: FEATURES,
        logger: this.logger,
      });
    this.workload = new Workload(createLimits(limits));
    this.traits = new HandlerTraitsRegistry(
      new Map(
        Object.entries(limits?.priorities ?? {}).map(([pattern, priority]) => [
          this.getRouteFromPattern(pattern),
          priority,
        ]),
      ),
    );
    const settings =
      context === undefined ? new AdoptableSettings() : contextSettings(context, 'BalancedTcpServer.context');
    const load = new LoadReporter(this.workload, report, this.logger);
    this.drain = new Drain(
      this.connections.open,
      this.workload,
      drainTimeout ?? DEFAULT_DRAIN_TIMEOUT,
      this.logger,
    );
    this.gate = new RequestGate(this.workload, this.drain);
    this.probes = new Probes(service, this.messageHandlers, load, this.drain);
    this.replies = new ReplyWriter(this.serializer, new Trailers(load, this.drain), this.logger);
    this.runner = new MessageRunner(settings, this.workload, this.replies, this.hooks, this);
  }

  /** Is it about to stop? */
  get draining(): boolean {
    return this.drain.draining;
  }

  override listen(callback: (error?: unknown, ...args: unknown[]) => void): void {
    this.closing = undefined;
    this.drain.draining = false;
    for (const doubt of this.traits.doubts(this.messageHandlers.keys())) this.logger.warn(doubt);
    if (this.drainsOnSigterm) drainOnSigterm(this);
    super.listen((error?: unknown, ...args: unknown[]) => {
      if (error === undefined) this.startRegistration();
      callback(error, ...args);
    });
  }

  /**
   * Drains: takes itself off the registries, takes no new connections, tells clients of ours to go elsewhere, refuses their new requests, serves what is in
   * flight and what stock clients still send, closes each connection that has gone quiet, and after `drainTimeout` whatever
   * is left. Resolves when all of that is done; the same promise each time.
   */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- typed as void, and awaited by Nest 11 and 12
  override close(): Promise<void> {
    this.closing ??= whileDraining(this, async () => {
      // First: who looks for a server now must not find this one.
      if (this.registrations) await this.registrations.stop();
      // As `ServerTCP#close()`, which would destroy the connections.
      this.isManuallyTerminated = true;
      this.server.close();
      this.pendingEventListeners = [];
      await this.drain.run();
      forgetSigterm(this);
    });
    return this.closing;
  }

  override setOnProcessingStartHook(hook: StartHook): void {
    this.hooks.start = hook;
    super.setOnProcessingStartHook(hook);
  }

  override setOnProcessingEndHook(hook: EndHook): void {
    this.hooks.end = hook;
    super.setOnProcessingEndHook(hook);
  }

  override bindHandler(netSocket: Socket): void {
    this.connections.of(netSocket);
    // Nest's own listener, which comes after this one, takes each error of a socket for a message that makes no sense.
    netSocket.on('error', (error: NodeJS.ErrnoException) => {
      this.connectionLost = LOST.has(error.code) ? error.message : undefined;
    });
    super.bindHandler(netSocket);
  }

  /** That a client has gone without a goodbye, as one does that is killed, is no error of the server. */
  protected override handleError(error: string): void {
    const { connectionLost } = this;
    this.connectionLost = undefined;
    if (connectionLost === undefined) super.handleError(error);
    else this.logger.debug?.(`A client is gone: ${connectionLost}`);
  }

  /**
   * As in `ServerTCP`, but within the message's context. Not an async function: within a context every promise is dear
   * (Node 20 follows each with hooks), so the only ones are those of the handler and of what awaits it.
   */
  override handleMessage(socket: TcpSocket, rawMessage: unknown): Promise<unknown> {
    // What is thrown must be a rejection: Nest listens for nothing else.
    return new Promise((resolve) => {
      const packet = this.deserializer.deserialize(rawMessage) as
        IncomingPacket | PromiseLike<IncomingPacket>;
      if (isPromiseLike(packet))
        resolve(packet.then((deserialized) => this.handlePacket(socket, deserialized)));
      else resolve(this.handlePacket(socket, packet));
    });
  }

  /**
   * As in `Server`, which parses every pattern as JSON: for a plain string that throws, and takes 13–15 µs.
   * Patterns that are the very text of a known route are remembered; there cannot be more of them than
   * handlers, whatever clients send.
   */
  protected override getRouteFromPattern(pattern: string): string {
    if (this.plainRoutes.has(pattern)) return pattern;
    const route = super.getRouteFromPattern(pattern);
    if (route === pattern && this.messageHandlers.has(route)) this.plainRoutes.add(route);
    return route;
  }

  private startRegistration(): void {
    const address = this.server.address();
    if (typeof address === 'object' && address !== null) this.registrations?.start(address);
  }

  /** `undefined` when it is handled, else what it is to wait for. */
  private handlePacket(socket: TcpSocket, packet: IncomingPacket): unknown {
    const now = performance.now();
    const connection = this.connections.of(socket.netSocket);
    connection.receive(socket, now);
    const pattern = this.getPatternAsString(packet.pattern);
    const { id } = packet;
    if (id !== undefined && pattern !== PROBE_ROUTE)
      return this.serveRequest(connection, packet, id, pattern, now);
    switch (pattern) {
      case PROBE_ROUTE:
        // One that came as an event wants no answer, and is nothing to log.
        if (id !== undefined)
          this.replies.probeAnswer(connection, id, this.probes.answer(connection, packet.data, now));
        return undefined;
      case CANCEL_ROUTE:
        connection.cancel(packet.data);
        return undefined;
      default:
        return this.serveEvent(connection, packet, pattern, now);
    }
  }

  private serveRequest(
    connection: ClientConnection,
    packet: IncomingPacket,
    id: string,
    pattern: string,
    now: number,
  ): unknown {
    // It crossed our FIN: begun now, it could not be answered.
    if (connection.isEnded) return undefined;
    const handler = this.getHandlerByPattern(pattern);
    const traits = handler ? this.traitsOf(handler, pattern) : undefined;
    const arrivedAt = connection.readAt(now);
    const deadline = deadlineOf(packet, arrivedAt);
    const refusal = this.gate.check(connection, traits, deadline, now);
    if (refusal) this.replies.refuse(connection, id, refusal, now);
    else if (!handler || !traits) this.replies.noHandler(connection, id);
    else {
      const message = new ServedMessage(packet, pattern, connection, handler, traits.cost, now, this.runner);
      return this.runner.run(message, arrivedAt, deadline);
    }
    return undefined;
  }

  /** Served whatever the state of the server, and however late: there is no answer that could refuse an event. */
  private serveEvent(
    connection: ClientConnection,
    packet: IncomingPacket,
    pattern: string,
    now: number,
  ): unknown {
    const handler = this.getHandlerByPattern(pattern);
    // Nest logs that there is none.
    if (!handler) return super.handleEvent(pattern, packet, tcpContextOf({ connection, packet, pattern }));
    const { cost } = this.traitsOf(handler, pattern);
    const message = new ServedMessage(packet, pattern, connection, handler, cost, now, this.runner);
    const arrivedAt = connection.readAt(now);
    return this.runner.run(message, arrivedAt, deadlineOf(packet, arrivedAt));
  }

  private traitsOf(handler: MessageHandler, pattern: string): HandlerTraits {
    return this.traits.get(handler) ?? this.traits.learn(handler, this.getRouteFromPattern(pattern));
  }
}

function deadlineOf({ metadata }: IncomingPacket, arrivedAt: number): number {
  const timeout = readTimeout(metadata);
  return timeout === undefined ? Infinity : arrivedAt + timeout;
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null | undefined)?.then === 'function';
}

/** Nest takes an option that is there but undefined for a value. */
function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
