import type { MessageHandler, PacketId, ReadPacket, TcpContext } from '@nestjs/microservices';
import type { Subscription } from 'rxjs';
import { Cancellation } from '../context/cancellation.js';
import type { DeadlineEntry } from '../context/deadlines.js';
import { deadlines } from '../context/deadlines.js';
import type { RequestContext } from '../context/request-context.js';
import { CancelledError, DeadlineExceededError } from '../errors.js';
import type { LoadSignal } from '../resilience/concurrency-limit.js';
import type { TimerEntry } from '../resilience/timer-wheel.js';
import { UNSCHEDULED } from '../resilience/timer-wheel.js';
import type { ClientConnection } from './client-connection.js';

/** What comes out of the deserializer: an event when it has no `id`. All of it was written by the other side. */
export type IncomingPacket = ReadPacket & Partial<PacketId>;

/** Is told once of each message that its work is over. */
export interface MessageOwner {
  onMessageEnd(message: ServedMessage, now: number): void;
}

/**
 * One message while it is being served: from when it is admitted until nothing is done for it any more. It is its own
 * cancellation and its own entry among the deadlines, so that each message costs one object.
 */
export class ServedMessage extends Cancellation implements DeadlineEntry {
  timerSlot = UNSCHEDULED;
  timerTick = 0;
  timerNext: TimerEntry | null = null;
  timerPrevious: TimerEntry | null = null;

  context: RequestContext | undefined = undefined;
  /** What the user's hooks are called with, once the start hook has let it pass. */
  hookContext: TcpContext | undefined = undefined;

  /** It was answered with an error. */
  failed = false;
  /** What the server had in flight when it began, itself included. */
  among = 0;

  private stream: Subscription | undefined = undefined;
  private firstAnswerAt: number | undefined = undefined;
  private ended = false;
  private nobodyWaits = false;

  /**
   * @param pattern its text, as it came
   * @param cost as how many messages it counts
   * @param startedAt monotonic milliseconds, as all times here
   */
  constructor(
    readonly packet: IncomingPacket,
    readonly pattern: string,
    readonly connection: ClientConnection,
    readonly handler: MessageHandler,
    readonly cost: number,
    readonly startedAt: number,
    private readonly owner: MessageOwner,
  ) {
    super();
    connection.add(this);
  }

  /** Of the request; `undefined` for an event. */
  get id(): string | undefined {
    return this.packet.id;
  }

  get isEvent(): boolean {
    return this.packet.id === undefined;
  }

  /** Nothing more may be sent for it, nor begun. */
  get isOver(): boolean {
    return this.ended || this.nobodyWaits;
  }

  /** What its end says of the load. A deadline that passed does not end it: late as it is, the answer is sent. */
  loadSignal(): LoadSignal {
    if (this.isEvent || this.nobodyWaits) return 'ignored';
    return this.cancelled ? 'dropped' : 'answered';
  }

  /** Milliseconds until it was answered for the first time, or ended: a stream may go on for as long as it likes. */
  latency(now: number): number {
    return (this.firstAnswerAt ?? now) - this.startedAt;
  }

  /** A value of a stream has come. */
  onValue(): void {
    this.firstAnswerAt ??= performance.now();
  }

  /** What its handler returned is being followed. */
  follow(stream: Subscription): void {
    if (this.ended) stream.unsubscribe();
    else this.stream = stream;
  }

  /** The work for it is over. */
  end(now: number = performance.now()): void {
    if (this.ended) return;
    this.ended = true;
    deadlines.disarm(this);
    this.owner.onMessageEnd(this, now);
  }

  /**
   * Nobody waits for the answer any more. A stream ends with that; a handler that has not returned yet is told by its signal,
   * and goes on being counted until it does.
   */
  abandon(why: string): void {
    if (this.nobodyWaits) return;
    this.nobodyWaits = true;
    this.cancel(new CancelledError(why));
    // Not begun, it never will be.
    if (this.stream || this.hookContext === undefined) this.stop();
  }

  /** Ends it, and its stream if there is one. */
  stop(): void {
    this.stream?.unsubscribe();
    this.end();
  }

  onDeadline(): void {
    this.cancel(new DeadlineExceededError('the deadline of the request has passed'));
    // The user's start hook has not let it pass yet, and may never do so: it is not begun any more.
    if (this.hookContext === undefined) this.end();
  }
}
