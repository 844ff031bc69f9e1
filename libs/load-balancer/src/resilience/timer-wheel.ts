/** What can be scheduled: the links live in the item itself, so that scheduling allocates nothing. */
export interface TimerEntry {
  /** Owned by the wheel; start with `UNSCHEDULED`. */
  timerSlot: number;
  timerTick: number;
  timerNext: TimerEntry | null;
  timerPrevious: TimerEntry | null;
}

/** `timerSlot` of an entry that is in no wheel. */
export const UNSCHEDULED = -1;

export interface TimerWheelOptions {
  /**
   * Whole milliseconds between two looks at the clock, and how late an entry may fire; 5 by default. That is a tenth of
   * the shortest deadlines in use (50 ms), and bounds a busy process to 200 wake-ups a second.
   */
  tick?: number;
  /** Slots, rounded up to a power of two; 1 024 by default, so that a rotation (5.12 s) holds the default timeout of 5 s. */
  slots?: number;
}

const DEFAULT_TICK = 5;
const DEFAULT_SLOTS = 1024;

/**
 * A hashed timing wheel (Varghese and Lauck 1987, scheme 6) for deadlines that are nearly always cancelled: scheduling
 * and cancelling link and unlink in constant time. It has neither clock nor timer: whoever owns it calls `advance()`.
 *
 * An entry never fires before its deadline, and at most one tick after it when `advance()` is called at least once a
 * tick. Hashed and not hierarchical, since a hierarchy moves each long entry from level to level, while here it costs
 * one comparison a rotation, and few deadlines outlast one.
 *
 * Times are monotonic milliseconds. Entries that fall due together fire in no particular order. One that is scheduled
 * while others fire waits for the next tick even if it is overdue, so `advance()` always ends.
 *
 * @example
 * ```ts
 * const wheel = new TimerWheel<Call>((call) => call.expire());
 * wheel.schedule(call, now() + 300);
 * wheel.cancel(call);
 * ```
 */
export class TimerWheel<E extends TimerEntry> {
  private readonly tick: number;
  private readonly mask: number;
  /** The first entry of each slot; the last place is for the entries that are due. */
  private readonly heads: (TimerEntry | null)[];
  private readonly due: number;
  /** The last tick whose slot was looked at. */
  private current = 0;
  private count = 0;

  /** @param fire called with each entry at its deadline; it may schedule and cancel whatever it likes */
  constructor(
    private readonly fire: (entry: E) => void,
    { tick = DEFAULT_TICK, slots = DEFAULT_SLOTS }: TimerWheelOptions = {},
  ) {
    this.tick = tick;
    this.due = 2 ** Math.ceil(Math.log2(slots));
    this.mask = this.due - 1;
    this.heads = new Array<TimerEntry | null>(this.due + 1).fill(null);
  }

  /** Entries scheduled. */
  get size(): number {
    return this.count;
  }

  /** Schedules the entry, or moves it when it is scheduled already. A deadline that has passed is due on the next tick. */
  schedule(entry: E, deadline: number): void {
    this.cancel(entry);
    const tick = Math.max(Math.ceil(deadline / this.tick), this.current + 1);
    entry.timerTick = tick;
    this.link(entry, tick & this.mask);
    this.count++;
  }

  /** Takes the entry out. Returns whether it was in. */
  cancel(entry: E): boolean {
    if (entry.timerSlot === UNSCHEDULED) return false;
    this.unlink(entry);
    this.count--;
    return true;
  }

  /**
   * Fires what is due at `now`, and returns how many fired. It looks at each slot once at most, however far the clock
   * has jumped; a clock that went back does nothing. What `fire` throws ends it, and the next call goes on from there.
   */
  advance(now: number): number {
    // Dividing by a whole number never rounds across one: neither this nor the deadline's tick is ever off by one.
    const reached = Math.floor(now / this.tick);
    if (reached > this.current) {
      const from = Math.max(this.current + 1, reached - this.mask);
      this.current = reached;
      // Empty, it only takes note of the time.
      if (this.count > 0) for (let tick = from; tick <= reached; tick++) this.collect(tick & this.mask);
    }
    let fired = 0;
    for (let entry = this.heads[this.due]; entry; entry = this.heads[this.due]) {
      this.unlink(entry);
      this.count--;
      fired++;
      this.fire(entry as E);
    }
    return fired;
  }

  /**
   * The time before which nothing falls due, `Infinity` when nothing is scheduled. Until then `advance()` need not be
   * called; once a rotation it may find only entries of a later one. After a pause, advance the empty wheel before
   * scheduling, lest it answer with a time long past.
   */
  nextDue(): number {
    if (this.count === 0) return Infinity;
    if (this.heads[this.due]) return this.current * this.tick;
    let tick = this.current + 1;
    while (!this.heads[tick & this.mask]) tick++;
    return tick * this.tick;
  }

  /** Moves what is due in a slot to the list of the due, from where `fire` can still cancel it. */
  private collect(slot: number): void {
    for (let entry = this.heads[slot] ?? null; entry;) {
      const next = entry.timerNext;
      if (entry.timerTick <= this.current) {
        this.unlink(entry);
        this.link(entry, this.due);
      }
      entry = next;
    }
  }

  private link(entry: TimerEntry, slot: number): void {
    const head = this.heads[slot] ?? null;
    entry.timerSlot = slot;
    entry.timerPrevious = null;
    entry.timerNext = head;
    if (head) head.timerPrevious = entry;
    this.heads[slot] = entry;
  }

  private unlink(entry: TimerEntry): void {
    const { timerNext: next, timerPrevious: previous } = entry;
    if (previous) previous.timerNext = next;
    else this.heads[entry.timerSlot] = next;
    if (next) next.timerPrevious = previous;
    // A finished call must not keep its neighbours alive.
    entry.timerNext = entry.timerPrevious = null;
    entry.timerSlot = UNSCHEDULED;
  }
}
