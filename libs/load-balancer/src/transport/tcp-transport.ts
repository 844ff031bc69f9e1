import type { ReadPacket, TcpSocket } from '@nestjs/microservices';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { FastTcpSocket } from './fast-tcp-socket.js';
import type { NodeTransport, ReplyHandler, RequestHandle, TransportListener } from './node-transport.js';
import { EventLostError } from './node-transport.js';
import type { ServerCapabilities } from './probe-protocol.js';
import { CANCEL, CANCEL_PATTERN, TRAILER } from './probe-protocol.js';
import { deliverReply, toEnvelope } from './reply-router.js';
import { parseTrailer } from './reply-trailer.js';
import { isSelfConnected, SELF_CONNECTED } from './self-connection.js';
import type { SocketListener, TransportSettings } from './transport-settings.js';
import { windDown } from './wind-down.js';

/** For a socket that does not count what it has written: every message may have been. */
const EVERYTHING = Infinity;
const INVENTED = 'the node answered a request that it was never sent';

/**
 * One TCP (or TLS) connection that speaks Nest's protocol: requests out, replies routed back by id. On the wire it does
 * what `ClientTCP` does; besides it tells apart what `ClientTCP` does not: refused, never written, sent and lost.
 */
export class TcpTransport implements NodeTransport {
  private readonly socket: net.Socket;
  private readonly framed: TcpSocket;
  /** The same socket when it is ours, and so can tell which messages it never wrote. */
  private readonly counted: FastTcpSocket | undefined;
  private readonly waiting = new Map<unknown, ReplyHandler>();
  /** Replies that a custom deserializer is at work on. */
  private readonly deserializing = new Set<Promise<void>>();
  private lastNumber = 0;
  private open = false;
  /** What the server is known to understand. */
  private cancels = false;
  private trailers = false;
  private failure: Error | undefined;

  constructor(
    private readonly settings: TransportSettings,
    private readonly listener: TransportListener,
  ) {
    const { host, port, tlsOptions } = settings;
    // A TLS socket starts to connect when it is made, as in ClientTCP.
    this.socket = tlsOptions ? tls.connect({ ...tlsOptions, host, port }) : new net.Socket();
    try {
      this.framed = this.createFramed();
    } catch (error) {
      this.socket.destroy();
      throw error;
    }
    this.counted = this.framed instanceof FastTcpSocket ? this.framed : undefined;
    for (const attached of settings.socketListeners) this.on(attached);
  }

  connect(): Promise<void> {
    const { socket, settings } = this;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.destroy(new Error(`connect timed out after ${settings.connectTimeout} ms`));
      }, settings.connectTimeout);
      socket.once(settings.tlsOptions ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        if (isSelfConnected(socket)) {
          socket.destroy(new Error(SELF_CONNECTED));
          return;
        }
        if (settings.keepAlive !== false) socket.setKeepAlive(true, settings.keepAlive);
        this.open = true;
        resolve();
      });
      socket.on('message', (message: unknown) => this.onMessage(message));
      // Nest's sockets report what is wrong with a frame as a string, and go on waiting for the peer's FIN.
      socket.on('error', (error: Error | string) => {
        this.failure ??= typeof error === 'string' ? new Error(error) : error;
        this.ended(this.failure);
      });
      // After the peer's FIN no answer can come any more: waiting for the close would only send calls into the void.
      socket.once('end', () => this.ended(new Error('the node closed the connection')));
      socket.once('close', () => {
        clearTimeout(timer);
        const cause = this.failure ?? new Error('connection closed');
        reject(cause);
        this.ended(cause);
      });
      if (!settings.tlsOptions) this.framed.connect(settings.port, settings.host);
    });
  }

  get readsTrailers(): boolean {
    return this.settings.deserializer === undefined;
  }

  learned({ features }: ServerCapabilities): void {
    this.cancels = features.has(CANCEL);
    this.trailers = this.readsTrailers && features.has(TRAILER);
  }

  request(packet: ReadPacket & { id?: RequestHandle }, reply: ReplyHandler): RequestHandle {
    if (!this.open) {
      this.refuse(reply);
      return;
    }
    const { serializer } = this.settings;
    const number = this.nextNumber();
    // Nest's ids are strings, which a serializer with a schema may insist on; JSON brings a number back as it is.
    const id = serializer ? String(number) : number;
    packet.id = id;
    const message: unknown = serializer ? serializer.serialize(packet) : packet;
    const idle = this.waiting.size === 0;
    this.waiting.set(id, reply);
    try {
      this.framed.sendMessage(message);
      // The first request on an idle connection leaves at once: to wait for more would gain nothing. It also keeps two
      // requests out of one segment: a stock server would answer them in one go, and hold the second reply (see NodeHandle).
      if (idle) this.counted?.flush();
    } catch (error) {
      this.waiting.delete(id);
      throw error;
    }
    if (this.counted && this.counted.queuedCount < number) {
      this.waiting.delete(id);
      this.refuse(reply);
      return;
    }
    return id;
  }

  forget(request: RequestHandle, tell: boolean): void {
    if (!this.waiting.delete(request) || !tell || !this.cancels || !this.open) return;
    const { serializer } = this.settings;
    const packet: ReadPacket = { pattern: CANCEL_PATTERN, data: request };
    try {
      this.framed.sendMessage(serializer ? serializer.serialize(packet) : packet);
    } catch {
      // The user's serializer may know nothing of it. The server then works in vain, as a stock one would.
      this.cancels = false;
    }
  }

  event(packet: ReadPacket): Promise<void> {
    return new Promise((resolve, reject) => {
      const { serializer } = this.settings;
      const message: unknown = serializer ? serializer.serialize(packet) : packet;
      const { counted } = this;
      if (!counted) {
        // Whether a socket of the user's calls back is not known.
        this.framed.sendMessage(message);
        resolve();
        return;
      }
      const number = this.nextNumber();
      counted.sendMessage(message, (error?: Error | null) => {
        if (error) reject(new EventLostError(error, number <= counted.flushedCount));
        else resolve();
      });
    });
  }

  close(): void {
    if (!this.open) {
      // Nothing to finish, and a node that never answers must not keep the process alive until the timeout.
      this.socket.destroy();
      return;
    }
    this.framed.end();
    // What the socket still holds is on its way.
    this.forgetAll(new Error('closed by this client'), EVERYTHING);
    windDown(this.socket, this.settings.connectTimeout);
  }

  unwrap(): net.Socket {
    return this.socket;
  }

  on({ event, listener }: SocketListener): void {
    this.socket.on(event, listener);
  }

  /** As in `ClientTCP`, a socket class of the user's is given the socket alone, unless a guard is set. */
  private createFramed(): TcpSocket {
    const { socketClass, framing } = this.settings;
    if (!socketClass) return new FastTcpSocket(this.socket, framing);
    return Object.keys(framing).length > 0
      ? new socketClass(this.socket, framing)
      : new socketClass(this.socket);
  }

  /** Of a message among those of this connection: by it a counting socket tells whether it was written. */
  private nextNumber(): number {
    return this.counted ? this.counted.queuedCount + 1 : ++this.lastNumber;
  }

  /** The socket takes no more messages. */
  private refuse(reply: ReplyHandler): void {
    queueMicrotask(() => reply.lost(this.failure ?? new Error('the connection is closing'), false));
  }

  private onMessage(message: unknown): void {
    const { deserializer } = this.settings;
    if (!deserializer) {
      this.deliver(toEnvelope(message, this.trailers));
      return;
    }
    const delivery = Promise.resolve()
      .then(() => deserializer.deserialize(message) as unknown)
      .then((envelope) => this.deliver(envelope as object))
      .catch((error: unknown) => this.undeliverable(message, error))
      .then(() => void this.deserializing.delete(delivery));
    this.deserializing.add(delivery);
  }

  private deliver(envelope: { id?: unknown; lb?: unknown }): void {
    const { id } = envelope;
    const trailer = this.trailers && envelope.lb !== undefined ? parseTrailer(envelope.lb) : undefined;
    // Before the reply: what it leads to may ask for a node.
    if (trailer !== undefined) this.listener.onTrailer?.(trailer);
    const reply = this.waiting.get(id);
    if (reply === undefined) {
      if (this.isInvented(id)) this.socket.destroy(new Error(INVENTED));
      return;
    }
    if (deliverReply(reply, envelope, trailer)) this.waiting.delete(id);
  }

  /**
   * Is it the id of no request there has been? Late answers to forgotten ones are dropped, but a node that makes up ids has
   * lost its way: those who wait for it would wait for their deadlines. What a user's deserializer makes of ids is not known.
   */
  private isInvented(id: unknown): boolean {
    if (id === undefined || this.settings.deserializer) return false;
    return !(Number(id) <= (this.counted?.queuedCount ?? this.lastNumber));
  }

  /**
   * The user's deserializer failed. That concerns the request whose reply it was; when the reply does not say which,
   * nothing on this connection can be relied on.
   */
  private undeliverable(message: unknown, error: unknown): void {
    const { id } = toEnvelope(message);
    if (id === undefined) {
      this.socket.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.waiting.get(id)?.error(error);
    this.waiting.delete(id);
  }

  /** No answer can come any more. What the socket still holds is dropped, so that what was not written stays unwritten. */
  private ended(cause: Error): void {
    if (!this.open) return;
    this.socket.destroy();
    this.forgetAll(cause, this.counted?.flushedCount ?? EVERYTHING);
  }

  /**
   * The channel is told first, so that nothing new is sent here, then every request that waits, each once: refused when
   * its number is beyond `written`.
   */
  private forgetAll(cause: Error, written: number): void {
    this.open = false;
    this.listener.onClose(cause);
    for (const [id, reply] of this.waiting) {
      if (Number(id) <= written) continue;
      this.waiting.delete(id);
      reply.lost(cause, false);
    }
    // A reply that has come is an answer, even while it is being deserialized.
    if (this.deserializing.size === 0) this.loseAll(cause);
    else void Promise.all(this.deserializing).then(() => this.loseAll(cause));
  }

  private loseAll(cause: Error): void {
    for (const [id, reply] of this.waiting) {
      this.waiting.delete(id);
      reply.lost(cause, true);
    }
  }
}
