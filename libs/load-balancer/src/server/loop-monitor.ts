import { performance, type EventLoopUtilization } from 'node:perf_hooks';

/** Milliseconds over which the utilization is taken. */
const UTILIZATION_WINDOW = 1_000;
/** Milliseconds between two samples of the delay. */
const SAMPLE_INTERVAL = 100;
/** How long the timer of a sample is, in milliseconds: what it is late by is the delay. */
const SAMPLE_TIMER = 10;
/** Each sample's share of the mean: about half a second counts. */
const SAMPLE_WEIGHT = 1 / 4;

/**
 * How late the event loop runs and how busy it is. It measures only while somebody keeps asking, with ten short timers a
 * second: `monitorEventLoopDelay()` wakes an idle process a hundred times a second, which takes 0.2 % of a core here.
 */
export class LoopMonitor {
  private used: EventLoopUtilization = performance.eventLoopUtilization();
  private usedAt = performance.now();
  private share: number | undefined = undefined;

  private mean: number | undefined = undefined;
  private sampledAt = -Infinity;
  /** When the timer of the sample under way is due. */
  private due: number | undefined = undefined;

  /** Share (0–1) of the last second, or of the pause before it, in which the loop was busy; `undefined` in the first one. */
  utilization(now: number): number | undefined {
    if (now - this.usedAt >= UTILIZATION_WINDOW) {
      const used = performance.eventLoopUtilization();
      this.share = performance.eventLoopUtilization(used, this.used).utilization;
      this.used = used;
      this.usedAt = now;
    }
    return this.share;
  }

  /** Milliseconds that timers are late by, as a mean of the last moments; a block that goes on shows at once. */
  delay(now: number): number | undefined {
    if (this.due === undefined) {
      if (now - this.sampledAt >= SAMPLE_INTERVAL) this.sample(now);
    } else if (now - this.due > (this.mean ?? 0)) return now - this.due;
    return this.mean;
  }

  private sample(now: number): void {
    this.due = now + SAMPLE_TIMER;
    setTimeout(this.onSample, SAMPLE_TIMER).unref();
  }

  private readonly onSample = (): void => {
    const now = performance.now();
    const late = Math.max(0, now - (this.due ?? now));
    this.due = undefined;
    this.sampledAt = now;
    this.mean = this.mean === undefined ? late : this.mean + (late - this.mean) * SAMPLE_WEIGHT;
  };
}
