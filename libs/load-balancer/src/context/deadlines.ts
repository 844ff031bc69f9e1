import type { TimerEntry } from '../resilience/timer-wheel.js';
import { TimerWheel, UNSCHEDULED } from '../resilience/timer-wheel.js';
import { SYSTEM_TIME, type TimeSource } from '../time-source.js';

/** What has a deadline. It is its own entry in the wheel, so that arming it allocates nothing. */
export abstract class DeadlineEntry implements TimerEntry {
  timerSlot = UNSCHEDULED;
  timerTick = 0;
  timerNext: TimerEntry | null = null;
  timerPrevious: TimerEntry | null = null;

  /** The deadline has passed. */
  abstract onDeadline(): void;
}

/**
 * The longest sleep in milliseconds. Calls are nearly always answered, so most deadlines are long gone when the timer
 * fires; a process that has nothing else to do is kept alive no longer than this by them.
 */
const LONGEST_SLEEP = 100;

/** The deadlines of all calls of this process on one wheel and one timer: a timer for each would cost more than a pick. */
export class Deadlines {
  private readonly wheel = new TimerWheel<DeadlineEntry>((entry) => entry.onDeadline());
  private cancelTimer: (() => void) | undefined;
  private wakeAt = Infinity;

  constructor(private readonly time: Pick<TimeSource, 'now' | 'setTimer'> = SYSTEM_TIME) {}

  /** `onDeadline()` is called once `deadline` has passed. Both are monotonic milliseconds. */
  arm(entry: DeadlineEntry, deadline: number, now: number): void {
    if (this.wheel.size === 0) this.wheel.advance(now);
    this.wheel.schedule(entry, deadline);
    const wakeAt = Math.min(deadline, now + LONGEST_SLEEP);
    if (wakeAt < this.wakeAt) this.sleep(wakeAt, now);
  }

  disarm(entry: DeadlineEntry): void {
    this.wheel.cancel(entry);
  }

  private sleep(until: number, now: number): void {
    this.cancelTimer?.();
    this.wakeAt = until;
    this.cancelTimer = this.time.setTimer(this.wake, Math.max(1, Math.ceil(until - now)), true);
  }

  private readonly wake = (): void => {
    this.wakeAt = Infinity;
    const now = this.time.now();
    try {
      this.wheel.advance(now);
    } finally {
      if (this.wheel.size > 0)
        this.sleep(Math.min(Math.max(this.wheel.nextDue(), now + 1), now + LONGEST_SLEEP), now);
    }
  };
}

export const deadlines = new Deadlines();
