/** The window is forgotten a tenth at a time, as by Finagle's `WindowedAdder`. */
const SLICES = 10;

/**
 * How much was added in the last `window` milliseconds: what is older is never counted, what is younger than nine tenths
 * of it always is. Constant time and memory; nothing is allocated after the constructor.
 *
 * Times are monotonic milliseconds. A clock that goes back counts as standing still; one that jumps ahead by a window or
 * more leaves nothing.
 */
export class SlidingCount {
  private readonly slices = new Float64Array(SLICES);
  private readonly width: number;
  /** The slice that is being filled, counted since time 0, and its place among the ten. */
  private slice = -Infinity;
  private place = 0;
  private total = 0;

  constructor(readonly window: number) {
    this.width = window / SLICES;
  }

  /** Whole amounts keep the sum exact, however long it runs. */
  add(amount: number, now: number): void {
    this.advance(now);
    this.slices[this.place] = (this.slices[this.place] as number) + amount;
    this.total += amount;
  }

  sum(now: number): number {
    this.advance(now);
    return this.total;
  }

  private advance(now: number): void {
    const slice = Math.floor(now / this.width);
    const steps = slice - this.slice;
    if (steps <= 0) return;
    this.slice = slice;
    if (steps >= SLICES) {
      this.slices.fill(0);
      this.total = 0;
      return;
    }
    for (let step = 0; step < steps; step++) {
      this.place = (this.place + 1) % SLICES;
      this.total -= this.slices[this.place] as number;
      this.slices[this.place] = 0;
    }
  }
}
