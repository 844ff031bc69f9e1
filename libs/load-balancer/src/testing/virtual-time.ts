/** The wall clock when virtual time begins. */
export const WALL = 1_700_000_000_000;

/** A clock that stands still until it is moved. */
export class VirtualTime {
  now = 0;
  private timers: { at: number; callback: () => void }[] = [];

  readonly deps = {
    random: () => 0.5,
    now: () => this.now,
    wall: () => WALL + this.now,
    setTimer: (callback: () => void, delay: number) => {
      const timer = { at: this.now + delay, callback };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((other) => other !== timer));
    },
  };

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = next.at;
      next.callback();
    }
    this.now = end;
  }

  get pending(): number {
    return this.timers.length;
  }
}
