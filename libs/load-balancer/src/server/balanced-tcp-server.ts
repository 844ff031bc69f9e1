import { ServerTCP, TcpContext } from '@nestjs/microservices';
import type {
  CustomTransportStrategy,
  PacketId,
  ReadPacket,
  TcpSocket,
  WritePacket,
} from '@nestjs/microservices';
import { finalize, isObservable } from 'rxjs';
import type { ContextSettings } from '../context/context-settings.js';
import { contextSettings } from '../context/context-settings.js';
import { decodeMetadata } from '../context/metadata-codec.js';
import { peerOf } from '../context/peer.js';
import { RequestContext } from '../context/request-context.js';
import { FastTcpSocket } from '../transport/fast-tcp-socket.js';
import { probeAnswer, PROBE_ROUTE } from '../transport/probe-protocol.js';
import type { BalancedTcpServerOptions } from './balanced-tcp-server-options.js';
import { checkServerOptions } from './balanced-tcp-server-options.js';

/** What clients may rely on beyond plain Nest. `context`: it reads `packet.metadata`, on Nest 11 too. */
const FEATURES: readonly string[] = ['context'];

/** Nest's own words, which it does not export. */
const NO_MESSAGE_HANDLER = 'There is no matching message handler defined in the remote service.';

/** What Nest answers for a handler that threw something of its own. */
const INTERNAL_ERROR = Object.freeze({ status: 'error', message: 'Internal server error' });

/**
 * What comes out of the deserializer: an event when it has no `id`. All of it was written by the other side.
 */
type IncomingPacket = ReadPacket & Partial<PacketId>;
type TcpContextArgs = ConstructorParameters<typeof TcpContext>[0];

/**
 * Nest's TCP server with a `RequestContext` around all that serves a message (hooks, guards, interceptors,
 * pipes, handler and its Observable), on Nest 11 and 12. It also tells balanced clients what it can do; to
 * every other client it is plain Nest.
 *
 * @throws InvalidOptionsError with everything that is wrong with the options.
 *
 * @example
 * ```ts
 * const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
 *   strategy: new BalancedTcpServer({ host: '0.0.0.0', port: 4001, service: 'orders' }),
 * });
 * ```
 */
export class BalancedTcpServer extends ServerTCP implements CustomTransportStrategy {
  /** The service's name, if one was given. */
  readonly service: string | undefined;

  private readonly contextSettings: ContextSettings;
  /** Route texts that are their own routes, see `getRouteFromPattern()`. */
  private readonly plainRoutes = new Set<string>();

  constructor(options: BalancedTcpServerOptions = {}) {
    checkServerOptions(options);
    const { service, context, ...tcp } = options;
    // Nest hands its guards to `JsonSocket` alone.
    const { maxBufferSize, incompleteMessageTimeout, maxSendBufferSize } = options;
    const socketClass =
      options.socketClass ??
      FastTcpSocket.with(withoutUndefined({ maxBufferSize, incompleteMessageTimeout, maxSendBufferSize }));
    super(withoutUndefined({ ...tcp, socketClass }));
    this.service = service;
    this.contextSettings = contextSettings(context, 'BalancedTcpServer.context');
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

  /** `undefined` when it is handled, else what it is to wait for. */
  private handlePacket(socket: TcpSocket, packet: IncomingPacket): unknown {
    const pattern = this.getPatternAsString(packet.pattern);
    if (pattern === PROBE_ROUTE) {
      this.answerProbe(socket, packet);
      return undefined;
    }
    const context = decodeMetadata(packet.metadata, this.contextSettings, peerOf(socket.netSocket));
    return RequestContext.run(context, () => {
      const tcpContext = new MetadataTcpContext([socket, pattern, packet.metadata] as TcpContextArgs);
      return packet.id === undefined
        ? this.handleEvent(pattern, packet, tcpContext)
        : this.serve(socket, packet, packet.id, tcpContext);
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

  private serve(socket: TcpSocket, packet: IncomingPacket, id: string, tcpContext: TcpContext): unknown {
    const handler = this.getHandlerByPattern(tcpContext.getPattern());
    if (!handler) {
      this.reply(socket, id, { status: 'error', err: NO_MESSAGE_HANDLER });
      return undefined;
    }
    // Typed as void, but the promise of the default hook is what failures come through.
    const startHook: (...args: Parameters<typeof this.onProcessingStartHook>) => unknown =
      this.onProcessingStartHook;
    return startHook.call(this, this.transportId, tcpContext, async () => {
      const end = this.endHookOnce(tcpContext);
      try {
        const result = (await handler(packet.data, tcpContext)) as unknown;
        if (isObservable(result)) {
          this.send(end ? result.pipe(finalize(end)) : result, (data) => this.reply(socket, id, data));
        } else {
          // What Nest makes of a plain value, without an Observable and its queue on the way.
          end?.();
          this.reply(socket, id, { response: result, isDisposed: true });
        }
      } catch (error) {
        end?.();
        throw error;
      }
    });
  }

  /**
   * Both a handler that throws and the end of its Observable end the processing: the user's hook hears of it
   * once.
   */
  private endHookOnce(tcpContext: TcpContext): (() => void) | undefined {
    let hook = this.onProcessingEndHook as typeof this.onProcessingEndHook | undefined;
    if (!hook) return undefined;
    return () => {
      const pending = hook;
      hook = undefined;
      pending?.call(this, this.transportId, tcpContext);
    };
  }

  /** A probe that came as an event wants no answer, and is nothing to log. */
  private answerProbe(socket: TcpSocket, { id }: IncomingPacket): void {
    if (id === undefined) return;
    this.reply(socket, id, { response: probeAnswer(this.service, FEATURES), isDisposed: true });
  }

  private reply(socket: TcpSocket, id: string, data: WritePacket): void {
    try {
      socket.sendMessage(this.serializer.serialize(Object.assign(data, { id })));
    } catch (error) {
      // A value that cannot be written, such as a cycle. Stock Nest logs it and leaves the caller waiting.
      this.logger.error(error);
      socket.sendMessage(this.serializer.serialize({ id, err: INTERNAL_ERROR, isDisposed: true }));
    }
  }
}

/** On Nest 11, `TcpContext` does not tell its metadata. */
class MetadataTcpContext extends TcpContext {
  override getMetadata(): TcpContextArgs[2] {
    return this.args[2];
  }
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
