import type { ConnectionState } from '../cluster/node.js';
import type { TimeSource } from '../time-source.js';
import type { Connecting, NodeTransport, TransportListener } from './node-transport.js';
import { reasonOf } from './reason.js';
import type { ReplyTrailer } from './reply-trailer.js';
import type { SocketListener } from './transport-settings.js';

/** Makes one connection to the node. */
export type OpenTransport = (listener: TransportListener) => NodeTransport;

export interface NodeChannelSettings {
  /** Delay before attempt `n` (from 0) to connect again, in milliseconds. */
  readonly backoff: (attempt: number) => number;
  /** A connection that lived shorter than this (milliseconds) is followed by a delay: a node that accepts and closes
   * at once must not be hammered. */
  readonly settled: number;
  /** Milliseconds without a call after which the connection is closed; 0 for never. */
  readonly idleTimeout: number;
  readonly time: Pick<TimeSource, 'now' | 'setTimer'>;
}

export interface NodeChannelListener {
  onConnection(state: ConnectionState, reason: string): void;
  /** Has it had a call since this was last asked, or has it one now? */
  wasUsed(): boolean;
  /** What the server told on the connection of now. */
  onTrailer?(trailer: ReplyTrailer): void;
}

/** One connection, there or being made. By it the channel knows its present one from those it has given up. */
interface Connection {
  /** `undefined` until it has been opened. */
  transport: NodeTransport | undefined;
}

/**
 * Keeps one node connected, as gRPC's subchannel does: connects when asked, tries again with back-off, at once after
 * the first loss, and tells of every change. What is connected is `transport`; there is none in any other state.
 *
 * The outcome of `connect()` is always told later, never before it returns.
 */
export class NodeChannel {
  /** Where calls go; `undefined` while there is no connection. */
  transport: NodeTransport | undefined;

  private connection: Connection | undefined;
  private cancelRetry: (() => void) | undefined;
  /** When the next attempt is due, on the clock of the settings; `Infinity` while none is. */
  private retryAt = Infinity;
  private cancelIdle: (() => void) | undefined;
  /** Delays since a connection last held. */
  private delays = 0;
  /** May the next loss be followed by an attempt at once? Only one, until a connection holds. */
  private retriesAtOnce = true;
  private connectedAt = 0;
  /** Not tried yet, or let go because nobody used it. */
  private fresh = true;
  private closed = false;

  constructor(
    private readonly open: OpenTransport,
    private readonly settings: NodeChannelSettings,
    private readonly listener: NodeChannelListener,
  ) {}

  get connected(): boolean {
    return this.transport !== undefined;
  }

  /** Connects now, unless it is connected or about to be. */
  connect(): void {
    if (this.closed || this.connection) return;
    this.forgetRetry();
    const connection: Connection = { transport: undefined };
    this.connection = connection;
    if (this.fresh) {
      this.fresh = false;
      this.listener.onConnection('connecting', 'connecting');
    }
    // Whoever was told that it connects may have closed it.
    if (this.connection !== connection) return;
    this.establish(connection).then(
      () => this.established(connection),
      (error: unknown) => this.failed(connection, error),
    );
  }

  /** Brings the next attempt forward when it is more than so many milliseconds away. */
  hurry(delay: number): void {
    if (this.retryAt !== Infinity && this.retryAt - this.settings.time.now() > delay) this.retryAfter(delay);
  }

  /** Begins anew with the delays, and brings the next attempt forward when it is further away than this. */
  startOver(delay: number): void {
    if (!this.transport) this.delays = 0;
    this.hurry(delay);
  }

  /** Attaches a user's listener to the socket of now, if there is one, even while it connects. */
  on(listener: SocketListener): void {
    this.connection?.transport?.on(listener);
  }

  /** Gives up the connection and makes another after a delay. What still waits for an answer is told that it is lost. */
  reset(reason: string): void {
    const { transport } = this;
    if (!transport) return;
    this.giveUp();
    if (this.held()) this.delays = 0;
    this.listener.onConnection('disconnected', reason);
    this.later();
    transport.close();
  }

  /** Ends it for good. What is still waiting for an answer is told that the connection is lost. */
  close(): void {
    this.closed = true;
    this.forgetRetry();
    const transport = this.connection?.transport;
    this.giveUp();
    transport?.close();
  }

  /** Whatever opening it throws is told later, like any other failure. */
  private establish(connection: Connection): Connecting {
    try {
      connection.transport = this.open({
        onClose: (cause) => this.lost(connection, cause),
        onTrailer: (trailer) => {
          if (this.connection === connection) this.listener.onTrailer?.(trailer);
        },
      });
      return connection.transport.connect();
    } catch (error) {
      return { then: (_onConnected, onFailed) => queueMicrotask(() => onFailed(error)) };
    }
  }

  private established(connection: Connection): void {
    if (this.connection !== connection) return;
    this.transport = connection.transport;
    this.connectedAt = this.settings.time.now();
    this.armIdle();
    this.listener.onConnection('connected', 'connected');
  }

  private failed(connection: Connection, error: unknown): void {
    if (this.connection !== connection) return;
    this.giveUp();
    this.listener.onConnection('disconnected', reasonOf(error));
    this.later();
  }

  private lost(connection: Connection, cause: Error | undefined): void {
    if (this.connection !== connection) return;
    const error = cause ?? new Error('connection closed');
    if (!this.transport) {
      this.failed(connection, error);
      return;
    }
    this.giveUp();
    if (this.held()) {
      this.delays = 0;
      this.retriesAtOnce = true;
    }
    this.listener.onConnection('disconnected', reasonOf(error));
    if (!this.retriesAtOnce) {
      this.later();
      return;
    }
    this.retriesAtOnce = false;
    this.connect();
  }

  /** From here on, nothing that the connection still tells is listened to. */
  private giveUp(): void {
    this.connection = this.transport = undefined;
    this.cancelIdle?.();
  }

  private later(): void {
    // Whoever was told of the failure may have closed it, or asked for a connection.
    if (this.closed || this.connection) return;
    this.retryAfter(this.settings.backoff(this.delays++));
  }

  private retryAfter(delay: number): void {
    this.cancelRetry?.();
    this.retryAt = this.settings.time.now() + delay;
    this.cancelRetry = this.settings.time.setTimer(() => this.connect(), delay);
  }

  private forgetRetry(): void {
    this.cancelRetry?.();
    this.retryAt = Infinity;
  }

  /** Did the last connection live long enough to begin anew with the delays? */
  private held(): boolean {
    return this.settings.time.now() - this.connectedAt >= this.settings.settled;
  }

  private armIdle(): void {
    const { idleTimeout, time } = this.settings;
    if (idleTimeout === 0) return;
    this.cancelIdle?.();
    this.cancelIdle = time.setTimer(() => this.checkIdle(), idleTimeout);
  }

  private checkIdle(): void {
    if (this.listener.wasUsed()) {
      this.armIdle();
      return;
    }
    const { transport } = this;
    this.giveUp();
    this.fresh = true;
    this.listener.onConnection('idle', 'closed after standing idle');
    transport?.close();
  }
}
