import type { ReadPacket } from '@nestjs/microservices';
import { Socket } from 'node:net';
import type {
  Connecting,
  NodeTransport,
  ReplyHandler,
  TransportListener,
} from '../../transport/node-transport.js';
import { EventLostError } from '../../transport/node-transport.js';
import type { ServerCapabilities } from '../../transport/probe-protocol.js';
import { CANCEL, PROBE_PATTERN } from '../../transport/probe-protocol.js';
import type { ReplyTrailer } from '../../transport/reply-trailer.js';
import type { SimulatedCall } from './simulated-call.js';
import type { SimulatedAnswer } from './simulated-request.js';
import { SimulatedRequest } from './simulated-request.js';
import type { SimulatedServer } from './simulated-server.js';
import { Settling } from './settling.js';
import type { VirtualTime } from './virtual-time.js';

/** What a call puts on the wire. */
export interface SimulatedPacket extends ReadPacket<SimulatedCall> {
  readonly pattern: unknown;
  /** Milliseconds left until its deadline; `undefined` for none. */
  readonly remaining?: number | undefined;
}

export interface SimulatedRoute {
  readonly time: VirtualTime;
  readonly server: SimulatedServer;
  /** Milliseconds each way. */
  readonly latency: number;
  /** Milliseconds after which a connection that is not there is given up. */
  readonly connectTimeout: number;
  /** Draws how long a request takes, as a multiple of the server's mean. */
  readonly drawWork: () => number;
}

/** The options of a socket are set on it, to no effect. */
const NO_SOCKET = new Socket();

/** One connection of a client to a server: what TCP would do, without sockets. */
export class SimulatedTransport implements NodeTransport {
  readonly readsTrailers = true;
  /** What the server knows of this connection. */
  readonly serverSide = {
    /** It has been probed, so that replies may carry a trailer. */
    readsTrailers: false,
    inFlight: 0,
    /** When a request was last read or answered. */
    activeAt: 0,
    /** When load was last reported. */
    reportedAt: -Infinity,
  };

  private state: 'connecting' | 'open' | 'closed' = 'connecting';
  private cancels = false;
  /** Which life of the server it leads to. */
  private life = 0;
  private readonly waiting = new Set<SimulatedRequest>();
  private readonly connected = new Settling();

  constructor(
    private readonly route: SimulatedRoute,
    private readonly listener: TransportListener,
  ) {}

  connect(): Connecting {
    const { time, latency, server, connectTimeout } = this.route;
    const delay = server.passage(latency) + latency;
    if (delay > connectTimeout) {
      const timeout = new Error(`not connected within ${connectTimeout} ms`);
      time.afterwards(connectTimeout, () => this.settle(timeout));
    } else time.afterwards(delay, () => this.settle(this.accepted()));
    return this.connected;
  }

  request(packet: ReadPacket, reply: ReplyHandler): SimulatedRequest {
    const { time, server, drawWork, latency } = this.route;
    const { pattern, data, remaining } = packet as SimulatedPacket;
    const isProbe = pattern === PROBE_PATTERN;
    if (!isProbe) data.attempts++;
    const request = new SimulatedRequest(
      this,
      server,
      this.life,
      reply,
      isProbe,
      isProbe ? 0 : drawWork(),
      remaining === undefined ? Infinity : time.now() + remaining,
    );
    if (this.state !== 'open') {
      time.afterwards(0, () => reply.lost(new Error('the connection is closing'), false));
      return request;
    }
    this.waiting.add(request);
    time.after(server.passage(latency), request);
    return request;
  }

  forget(handle: SimulatedRequest, tell: boolean): void {
    if (!this.waiting.delete(handle) || !tell || !this.cancels) return;
    this.route.time.afterwards(
      this.route.server.passage(this.route.latency),
      () => void (handle.cancelled = true),
    );
  }

  learned({ features }: ServerCapabilities): void {
    this.cancels = features.has(CANCEL);
  }

  /** Simulated clients make calls only. */
  event(): Promise<never> {
    return Promise.reject(new EventLostError(new Error('a simulation has no events'), false));
  }

  close(): void {
    this.route.server.disconnected(this);
    this.lose(new Error('closed by this client'));
  }

  unwrap(): Socket {
    return NO_SOCKET;
  }

  /** Nobody can attach a listener to what has no socket. */
  on(): void {
    // Nothing to attach it to.
  }

  get open(): boolean {
    return this.state === 'open';
  }

  /** An answer has come. */
  deliver(request: SimulatedRequest, answer: SimulatedAnswer): void {
    if (this.state !== 'open') return;
    const { trailer } = answer;
    // Before the reply, as on a real connection: what it leads to may ask for a node.
    if (trailer !== undefined) this.listener.onTrailer?.(trailer);
    if (!this.waiting.delete(request)) return;
    if (answer.kind === 'response') request.reply.next(answer.response, true);
    else request.reply.error(answer.error, trailer);
  }

  /** The server says something of its own accord. */
  notice(trailer: ReplyTrailer): void {
    this.towardsClient(() => {
      if (this.state === 'open') this.listener.onTrailer?.(trailer);
    });
  }

  /** The server's side has gone; the client hears of it. */
  severed(cause: Error): void {
    this.towardsClient(() => this.lose(cause));
  }

  /** Sends an answer back. */
  reply(request: SimulatedRequest, answer: SimulatedAnswer): void {
    request.answered(answer);
    this.route.time.after(this.route.server.passage(this.route.latency), request);
  }

  private towardsClient(callback: () => void): void {
    this.route.time.afterwards(this.route.server.passage(this.route.latency), callback);
  }

  private accepted(): Error | undefined {
    const { server } = this.route;
    if (this.state !== 'connecting') return undefined;
    if (!server.listening) return new Error('connect ECONNREFUSED');
    this.life = server.connected(this);
    return undefined;
  }

  private settle(error: Error | undefined): void {
    if (this.state !== 'connecting') return;
    this.state = error ? 'closed' : 'open';
    this.connected.settle(error);
  }

  private lose(cause: Error): void {
    if (this.state !== 'open') {
      this.state = 'closed';
      return;
    }
    this.state = 'closed';
    this.listener.onClose(cause);
    for (const request of this.waiting) {
      this.waiting.delete(request);
      request.reply.lost(cause, true);
    }
  }
}
