import type { ReadPacket } from '@nestjs/microservices';
import { Socket } from 'node:net';
import type {
  NodeTransport,
  ReplyHandler,
  RequestHandle,
  TransportListener,
} from '../transport/node-transport.js';
import type { ServerCapabilities } from '../transport/probe-protocol.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import { EventLostError } from '../transport/node-transport.js';
import type { SocketListener } from '../transport/transport-settings.js';

/** A request that a fake connection was given. */
export interface FakeRequest {
  /** Grows from request to request, whatever their connections. */
  readonly order: number;
  readonly packet: ReadPacket;
  readonly reply: ReplyHandler;
  /** Still waits for the end of its answer. */
  waiting: boolean;
  /** Was the server told that nobody waits any more? */
  cancelled: boolean;
}

let requests = 0;

/** A connection without a socket: the test says when it comes about, answers and goes. */
export class FakeTransport implements NodeTransport {
  readonly requests: FakeRequest[] = [];
  readonly events: ReadPacket[] = [];
  readonly listeners: SocketListener[] = [];
  state: 'new' | 'connecting' | 'open' | 'closed' = 'new';
  readonly readsTrailers = true;
  capabilities: ServerCapabilities | undefined;
  /** What the user's serializer throws. */
  serializerError: Error | undefined;

  private settle: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(private readonly listener: TransportListener) {}

  get waiting(): FakeRequest[] {
    return this.requests.filter(({ waiting }) => waiting);
  }

  connect(): Promise<void> {
    this.state = 'connecting';
    return new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  request(packet: ReadPacket, reply: ReplyHandler): RequestHandle {
    if (this.serializerError) throw this.serializerError;
    const request: FakeRequest = { order: requests++, packet, reply, waiting: true, cancelled: false };
    this.requests.push(request);
    return request;
  }

  forget(handle: RequestHandle, tell: boolean): void {
    const request = handle as FakeRequest;
    request.waiting = false;
    request.cancelled = tell;
  }

  learned(capabilities: ServerCapabilities): void {
    this.capabilities = capabilities;
  }

  event(packet: ReadPacket): Promise<unknown> {
    if (this.serializerError) return Promise.reject(this.serializerError);
    if (this.state !== 'open') return Promise.reject(new EventLostError(new Error('gone'), false));
    this.events.push(packet);
    return Promise.resolve(undefined);
  }

  close(): void {
    if (this.state === 'open') this.lose(new Error('closed by this client'));
    else this.refuse(new Error('connection closed'));
  }

  /** One that goes nowhere. */
  unwrap(): Socket {
    return new Socket();
  }

  on(listener: SocketListener): void {
    this.listeners.push(listener);
  }

  /** The node accepts the connection. */
  accept(): void {
    if (this.state !== 'connecting') return;
    this.state = 'open';
    this.settle?.resolve();
  }

  /** The node refuses it. */
  refuse(error = new Error('connect ECONNREFUSED')): void {
    if (this.state !== 'connecting') return;
    this.state = 'closed';
    this.settle?.reject(error);
  }

  /** The server tells something, with or without a reply. */
  tell(trailer: ReplyTrailer): void {
    this.listener.onTrailer?.(trailer);
  }

  /** The connection goes. `sent` says of each waiting request whether it was written. */
  lose(cause = new Error('read ECONNRESET'), sent: (request: FakeRequest) => boolean = () => true): void {
    if (this.state !== 'open') return;
    this.state = 'closed';
    this.listener.onClose(cause);
    for (const request of this.waiting) {
      request.waiting = false;
      request.reply.lost(cause, sent(request));
    }
  }
}
