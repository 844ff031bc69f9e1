import type { ResolvedLimits } from '../module/options.js';
import type { ConcurrencyLimit, LoadSignal } from '../resilience/concurrency-limit.js';
import { FixedLimit } from '../resilience/concurrency-limit.js';
import { Gradient2Limit } from '../resilience/gradient2-limit.js';
import type { PendingEntry } from '../resilience/pending-queue.js';
import { PendingQueue } from '../resilience/pending-queue.js';

/** A call, as far as it waits for its turn. */
export interface AdmissibleCall extends PendingEntry {
  /** Does it have a place among the calls in flight already, and wait only for a node with room? */
  readonly hasPlace: boolean;
  /** It has a place, and its turn has come. It leaves the queue, unless no node has room: then it keeps its turn. */
  admit(now: number): void;
  /** The queue is full, and it is the one that goes. */
  turnAway(): void;
}

/**
 * The limits of one service: how many calls are under way at once, who waits, and who is turned away. A call holds its
 * place from when it is let in until it settles, whatever attempts it makes.
 */
export class Admission {
  private readonly limit: ConcurrencyLimit;
  private readonly queue: PendingQueue<AdmissibleCall>;
  private admitting = false;

  constructor({ maxInFlight, adaptive, queue }: ResolvedLimits) {
    this.limit = adaptive
      ? new Gradient2Limit({ ...adaptive, max: Math.min(adaptive.max ?? 1_000, maxInFlight) })
      : new FixedLimit(maxInFlight);
    this.queue = new PendingQueue(queue.size, queue.drop);
  }

  /** Takes a place, if there is one and nobody waits for it. */
  tryEnter(): boolean {
    return this.queue.size === 0 && this.takePlace();
  }

  /** A call that had a place has settled; `latency`: milliseconds since it took it. */
  leave(now: number, latency: number, signal: LoadSignal): void {
    this.limit.onEnd(now, latency, signal);
  }

  /** Waits at the end of the queue; the call, or the one that it displaces, is turned away when that is full. */
  queueUp(call: AdmissibleCall, now: number): void {
    this.queue.push(call, now)?.turnAway();
  }

  /** A call that waits has settled. */
  remove(call: AdmissibleCall): void {
    this.queue.remove(call);
  }

  /** There may be room, here or on a node: lets those in who have waited longest. */
  admit(now: number): void {
    // Those let in may fail at once, and make room again: the loop that is running sees to it, or the stack would grow.
    if (this.admitting) return;
    this.admitting = true;
    try {
      for (let call = this.queue.peek(now); call !== undefined; call = this.queue.peek(now)) {
        if (!call.hasPlace && !this.takePlace()) return;
        call.admit(now);
        // No node has room for it; those behind it do not overtake it.
        if (call.pendingIn !== null) return;
      }
    } finally {
      this.admitting = false;
    }
  }

  private takePlace(): boolean {
    if (this.limit.inFlight >= this.limit.limit) return false;
    this.limit.onStart();
    return true;
  }
}
