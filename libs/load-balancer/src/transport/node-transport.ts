import type { ReadPacket } from '@nestjs/microservices';
import type { Socket } from 'node:net';
import type { ServerCapabilities } from './probe-protocol.js';
import type { ReplyTrailer } from './reply-trailer.js';
import type { SocketListener } from './transport-settings.js';

/** What a node answers: once, or several times for a stream. */
export interface ReplyHandler {
  /** A value. `last` when nothing more follows. */
  next(response: unknown, last: boolean): void;
  /** The end of the answer without a further value. */
  complete(): void;
  /**
   * The handler's error, as plain Nest would hand it to the caller. An answer like any other, unless the trailer says that
   * the server refused the request.
   */
  error(err: unknown, trailer?: ReplyTrailer): void;
  /** The connection went before the end. `sent` is false when the message was certainly never written. */
  lost(cause: Error, sent: boolean): void;
}

/** By what a transport knows a request it was given. */
export type RequestHandle = unknown;

/** The connection did not take an event, or went while it was being written. */
export class EventLostError extends Error {
  /** @param sent `false` when the event was certainly never written */
  constructor(
    cause: Error,
    readonly sent: boolean,
  ) {
    super(cause.message, { cause });
    this.name = EventLostError.name;
  }
}

/** A connection on its way: a promise, or what settles in virtual time. Told later, never before `then` returns. */
export interface Connecting {
  then(onConnected: () => void, onFailed: (error: unknown) => void): unknown;
}

/** One connection to one node. It connects once: when it is lost, the channel makes another. */
export interface NodeTransport {
  /** Resolves once messages can be sent; rejects with the reason. Called once. */
  connect(): Connecting;
  /** Sends a request. Throws what a serializer throws; everything else comes through the handler, never before it returns. */
  request(packet: ReadPacket, reply: ReplyHandler): RequestHandle;
  /**
   * Forgets a request; a late answer to it is dropped. A server that understands it is told, when `tell` is set, so that it
   * can stop to work on it.
   */
  forget(request: RequestHandle, tell: boolean): void;
  /** What the probe on this connection has told of the server. */
  learned(capabilities: ServerCapabilities): void;
  /** May probes announce that trailers are understood here? Not where replies go through code of the user's first. */
  readonly readsTrailers: boolean;
  /**
   * Sends an event; resolves once it is handed to the operating system. Rejects with what a serializer throws, and with
   * an `EventLostError` when the connection went before.
   */
  event(packet: ReadPacket): Promise<unknown>;
  /** Closes it. Whatever is still waiting for an answer is told `lost`. */
  close(): void;
  /** The socket underneath. */
  unwrap(): Socket;
  /** Attaches a user's listener to the socket. */
  on(listener: SocketListener): void;
}

/** What a transport tells its channel. */
export interface TransportListener {
  /** The connection ended: after `connect()` had resolved, exactly once. */
  onClose(cause: Error | undefined): void;
  /** The server told something beside, or without, a reply. */
  onTrailer?(trailer: ReplyTrailer): void;
}
