import type { OutlierDetector } from './outlier-detector.js';

/** When a detector looks at its statistics, for an owner that looks in about once a second. */
export class SweepSchedule<N> {
  private next: number;

  /**
   * @param interval milliseconds between two sweeps
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly detector: OutlierDetector<N>,
    private readonly interval: number,
    now: number,
  ) {
    this.next = now + interval;
  }

  upkeep(now: number): void {
    if (now < this.next) this.detector.release(now);
    else {
      this.next = now + this.interval;
      this.detector.sweep(now);
    }
  }
}
