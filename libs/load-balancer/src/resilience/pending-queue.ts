/** What can wait: the links live in the item itself, so that waiting allocates nothing. */
export interface PendingEntry {
  /** When it is no longer worth serving, in monotonic milliseconds; `Infinity` for never. */
  readonly deadline: number;
  /** Owned by the queue; start with `null`. */
  pendingIn: object | null;
  pendingNext: PendingEntry | null;
  pendingPrevious: PendingEntry | null;
}

/**
 * Who is turned away when the queue is full. `oldest` serves those that may still be waiting for an answer when their
 * turn comes; `newest` is fair.
 */
export type DropPolicy = 'oldest' | 'newest';

/**
 * Calls that wait for their turn, first in, first out, and never more than `capacity`. Joining, leaving and being called
 * up take constant time.
 *
 * It starts no timer: an entry whose deadline passes is passed over when its turn comes, and settles itself (`remove()`
 * lets it leave before).
 *
 * @example
 * ```ts
 * const queue = new PendingQueue<Call>(100, 'oldest');
 * queue.push(call, now())?.fail(overloaded);     // it, or the one it displaced
 * queue.shift(now())?.start();                   // whenever one in flight ends
 * ```
 */
export class PendingQueue<E extends PendingEntry> {
  private first: PendingEntry | null = null;
  private last: PendingEntry | null = null;
  private count = 0;

  constructor(
    readonly capacity: number,
    private readonly drop: DropPolicy,
  ) {}

  /** Entries that wait, also those whose deadline has passed and whose turn has not come. */
  get size(): number {
    return this.count;
  }

  /**
   * Joins at the end; one that waits here already loses its place. It must not wait in another queue. When this one is
   * full, somebody is turned away and returned: the entry itself, or the oldest one, which has left.
   */
  push(entry: E, now: number): E | undefined {
    this.remove(entry);
    this.skipExpired(now);
    let dropped: E | undefined;
    if (this.count >= this.capacity) {
      if (this.drop === 'newest' || this.first === null) return entry;
      dropped = this.first as E;
      this.unlink(dropped);
    }
    entry.pendingIn = this;
    entry.pendingPrevious = this.last;
    if (this.last) this.last.pendingNext = entry;
    else this.first = entry;
    this.last = entry;
    this.count++;
    return dropped;
  }

  /** The one that has waited longest and whose deadline has not passed. It goes on waiting. */
  peek(now: number): E | undefined {
    this.skipExpired(now);
    return (this.first as E | null) ?? undefined;
  }

  /** Calls up the one that has waited longest and whose deadline has not passed. */
  shift(now: number): E | undefined {
    const first = this.peek(now);
    if (first) this.unlink(first);
    return first;
  }

  /** Leaves before its turn. Returns whether it was waiting here. */
  remove(entry: E): boolean {
    if (entry.pendingIn !== this) return false;
    this.unlink(entry);
    return true;
  }

  /** Each entry is skipped once: constant time, taken together. */
  private skipExpired(now: number): void {
    while (this.first !== null && this.first.deadline <= now) this.unlink(this.first);
  }

  private unlink(entry: PendingEntry): void {
    const { pendingNext: next, pendingPrevious: previous } = entry;
    if (previous) previous.pendingNext = next;
    else this.first = next;
    if (next) next.pendingPrevious = previous;
    else this.last = previous;
    // A finished call must not keep its neighbours alive.
    entry.pendingIn = entry.pendingNext = entry.pendingPrevious = null;
    this.count--;
  }
}
