import type { TcpSocket } from '@nestjs/microservices';
import type { Socket } from 'node:net';
import type { Peer } from '../context/peer.js';
import { peerOf } from '../context/peer.js';
import { FastTcpSocket } from '../transport/fast-tcp-socket.js';
import { TRAILER_KEY } from '../transport/reply-trailer.js';
import type { ServedMessage } from './served-message.js';

/** What this server tells of its own accord. */
const DRAINING_NOTICE = Object.freeze({ [TRAILER_KEY]: Object.freeze({ draining: true }) });

/** One connection of a client: what it is known to understand, and what is being served on it. */
export class ClientConnection {
  /** It is of a client of this library, which understands trailers and notices: its probe said so. */
  readsTrailers = false;
  /** It has been told which handlers are idempotent. */
  knowsRoutes = false;
  /** When it last carried a load report, in monotonic milliseconds as all times here. */
  reportedAt = -Infinity;
  /** When it was told that the server drains. */
  noticedAt = Infinity;
  /** When it last carried a message, either way. */
  activeAt: number;
  /** Requests that are being served on it. */
  inFlight = 0;

  /** Our side of it has been ended. */
  private ended = false;
  private framed: TcpSocket | undefined = undefined;
  private knownPeer: Peer | undefined = undefined;
  /** By id. Of two with the same id, which no sane client has in flight at once, the later one can be cancelled. */
  private readonly requests = new Map<unknown, ServedMessage>();

  constructor(
    readonly netSocket: Socket,
    now: number,
  ) {
    this.activeAt = now;
  }

  get peer(): Peer {
    return (this.knownPeer ??= peerOf(this.netSocket));
  }

  /** Nothing can be answered on it any more. */
  get isEnded(): boolean {
    return this.ended;
  }

  /** What puts messages on the wire; known from the first message on, before which there is nothing to send. */
  get socket(): TcpSocket | undefined {
    return this.framed;
  }

  /** When the message at hand was read. Behind others of its chunk it has been here for as long as they took. */
  readAt(now: number): number {
    return this.framed instanceof FastTcpSocket ? this.framed.readAt : now;
  }

  receive(socket: TcpSocket, now: number): void {
    this.framed = socket;
    this.activeAt = now;
  }

  add(message: ServedMessage): void {
    if (message.isEvent) return;
    this.inFlight++;
    this.requests.set(message.id, message);
  }

  remove(message: ServedMessage, now: number): void {
    if (message.isEvent) return;
    this.inFlight--;
    this.activeAt = now;
    if (this.requests.get(message.id) === message) this.requests.delete(message.id);
  }

  /** The client does not wait for this request any more. */
  cancel(id: unknown): void {
    this.requests.get(id)?.abandon('the caller has cancelled the request');
  }

  /** Nobody is left to answer. */
  onClose(): void {
    this.ended = true;
    for (const request of this.requests.values()) request.abandon('the connection of the caller was closed');
  }

  /** Tells a client of ours that the server drains; others would take it for an answer. */
  notice(now: number): void {
    if (!this.readsTrailers || this.ended) return;
    this.noticedAt = now;
    this.framed?.sendMessage(DRAINING_NOTICE);
  }

  /** Ends it, once what has been answered is written. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    (this.framed ?? this.netSocket).end();
  }

  /** Destroys it as soon as what has been answered is written, whatever is still being served on it. */
  destroySoon(): void {
    this.ended = true;
    if (this.framed instanceof FastTcpSocket) this.framed.flush();
    this.netSocket.destroySoon();
  }

  destroy(): void {
    this.netSocket.destroy();
  }
}
