import type { TimeSource } from '../../time-source.js';

/** Something that happens at a moment of virtual time. It is its own entry in the queue, in one place at a time. */
export abstract class VirtualEvent {
  /** Virtual milliseconds. */
  at = 0;
  /** Of two at the same moment, the one that was planned first comes first: what happens is a function of the seed. */
  order = 0;

  abstract happen(): void;
}

/** What the wall clock shows at the start of every simulation. */
const EPOCH = Date.UTC(2026, 0, 1);
/** Node's own shortest timer, in milliseconds. */
const SHORTEST_TIMER = 1;

class Timer extends VirtualEvent {
  constructor(private callback: (() => void) | undefined) {
    super();
  }

  happen(): void {
    this.callback?.();
  }

  cancel(): void {
    this.callback = undefined;
  }
}

/**
 * A clock that jumps from one event to the next: a binary heap by time. Nothing happens in between, so an hour passes as
 * quickly as its events can be worked off, and always in the same order.
 */
export class VirtualTime {
  private time = 0;
  private planned = 0;
  private readonly heap: VirtualEvent[] = [];

  /** Virtual milliseconds since the start. */
  readonly now = (): number => this.time;

  /** Plans an event, which must not be planned already, so many milliseconds from now. */
  after(delay: number, event: VirtualEvent): void {
    event.at = this.time + delay;
    event.order = this.planned++;
    this.rise(event, this.heap.length);
  }

  /** Calls back so many milliseconds from now. */
  afterwards(delay: number, callback: () => void): void {
    this.after(delay, new Timer(callback));
  }

  /** Lets everything happen that is planned up to `end`, and what comes of it. */
  run(end: number): void {
    for (let event = this.heap[0]; event !== undefined && event.at <= end; event = this.heap[0]) {
      this.removeFirst();
      this.time = event.at;
      event.happen();
    }
    this.time = end;
  }

  /** The same clock as the library takes it, with chance of its own. */
  source(random: () => number): TimeSource {
    return {
      now: this.now,
      wall: () => EPOCH + this.time,
      random,
      setTimer: (callback, delay) => {
        const timer = new Timer(callback);
        this.after(Math.max(SHORTEST_TIMER, delay), timer);
        return () => timer.cancel();
      },
      every: (callback, period) => {
        const timer = new Timer(() => {
          this.after(period, timer);
          callback();
        });
        this.after(period, timer);
        return () => timer.cancel();
      },
      afterPendingIo: (callback) => this.afterwards(0, callback),
    };
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last !== undefined && this.heap.length > 0) this.sink(last);
  }

  private rise(event: VirtualEvent, place: number): void {
    const { heap } = this;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as VirtualEvent;
      if (!isBefore(event, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = event;
  }

  private sink(event: VirtualEvent): void {
    const { heap } = this;
    let place = 0;
    for (let below = 1; below < heap.length; below = 2 * place + 1) {
      const right = heap[below + 1];
      let child = heap[below] as VirtualEvent;
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below++;
      }
      if (!isBefore(child, event)) break;
      heap[place] = child;
      place = below;
    }
    heap[place] = event;
  }
}

function isBefore(a: VirtualEvent, b: VirtualEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
