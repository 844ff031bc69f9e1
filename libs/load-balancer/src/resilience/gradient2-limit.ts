import type { ConcurrencyLimit, LoadSignal } from './concurrency-limit.js';

export interface Gradient2Options {
  /** Where it begins; 20 by default (Netflix). */
  initial?: number;
  /** Never below; 8 by default, where the formula itself comes to rest with a queue of 4 (limit = ½ limit + 4). */
  min?: number;
  /** Never above; 1 000 by default. Netflix's 200 are threads; a Node process waits for far more calls at once. */
  max?: number;
  /** Calls that may queue while latency is good, and by which the limit grows; 4 by default, or max(4, √limit). */
  queue?: number | 'sqrt';
  /** Share (0–1) of each new estimate that is taken over; 0.2 by default. */
  smoothing?: number;
  /** How many times its usual latency a service may take before the limit falls, at least 1; 1.5 by default. */
  tolerance?: number;
}

const DEFAULT_QUEUE = 4;
/** Between what it moves, and where it begins, by default. */
export const GRADIENT2_BOUNDS = { min: 2 * DEFAULT_QUEUE, max: 1_000, initial: 20 } as const;
/** Outliers must not halve the limit more than once an update. */
const STEEPEST_GRADIENT = 0.5;
/** Updates whose plain mean is the first baseline (Netflix's warm-up). */
const WARM_UP = 10;
/** Milliseconds over which the baseline forgets: Netflix's 600 windows of 1 s weigh each new one by 2/601. */
const BASELINE_DECAY = 300_000;
/** A baseline of more than twice the latency stems from an overload that is over: it shrinks faster than it forgets, … */
const DRIFTED = 2;
/** … by this factor a second. */
const DRIFT_CORRECTION = 0.95;
/** Samples an update needs (Netflix's `WindowedLimit`). */
const FEWEST_SAMPLES = 10;
/** Milliseconds between updates: twice the latency, for a new limit to show its effect, within Netflix's bounds. */
const SHORTEST_WINDOW = 100;
const LONGEST_WINDOW = 1_000;

/**
 * A limit that finds itself, by Gradient2 of Netflix's concurrency-limits: it compares the mean latency of the last
 * moments with that of the last minutes. While they are alike it grows by `smoothing × queue` an update; once calls take
 * more than `tolerance` times as long as usual, they queue somewhere, and it falls:
 *
 * `gradient = clamp(tolerance × long / short, 0.5, 1)`, `limit += smoothing × (limit × gradient + queue − limit)`.
 *
 * It changes only while at least half of it is in use, since without load nothing is learnt, and with at least five
 * answers a second. Netflix overlooks that a call was dropped: here it counts as one slow enough for the steepest gradient,
 * in proportion to the others and never in the baseline, since a refusal comes quickly and would pass for good latency.
 *
 * An overload that goes on for minutes slowly becomes what is usual, and the limit rises with it: where calls queue
 * for a time that is known to be too long, `max` says so.
 */
export class Gradient2Limit implements ConcurrencyLimit {
  inFlight = 0;
  limit: number;

  private readonly min: number;
  private readonly max: number;
  private readonly queue: number | 'sqrt';
  private readonly smoothing: number;
  private readonly tolerance: number;
  private estimate: number;
  /** The latency that is usual here, in milliseconds. */
  private baseline = 0;
  private updates = 0;

  /** What has been seen since the last update. */
  private windowStart = -Infinity;
  private peak = 0;
  private samples = 0;
  private latencies = 0;
  private answers = 0;
  private answerLatencies = 0;

  constructor(options: Gradient2Options = {}) {
    const {
      min = GRADIENT2_BOUNDS.min,
      max = GRADIENT2_BOUNDS.max,
      initial = GRADIENT2_BOUNDS.initial,
    } = options;
    this.min = min;
    this.max = max;
    this.queue = options.queue ?? DEFAULT_QUEUE;
    this.smoothing = options.smoothing ?? 0.2;
    this.tolerance = options.tolerance ?? 1.5;
    this.estimate = Math.min(max, Math.max(min, initial));
    this.limit = Math.floor(this.estimate);
  }

  onStart(cost = 1): void {
    this.inFlight += cost;
    if (this.inFlight > this.peak) this.peak = this.inFlight;
  }

  onEnd(now: number, latency: number, signal: LoadSignal, cost = 1): void {
    this.inFlight -= cost;
    if (signal === 'ignored') return;
    const age = now - this.windowStart;
    // What was seen too long ago, before a pause, is not mixed with what is seen now.
    if (age > 2 * LONGEST_WINDOW) this.openWindow(now);
    this.sample(latency, signal);
    if (this.samples < FEWEST_SAMPLES) return;
    if (age < Math.min(Math.max(2 * this.baseline, SHORTEST_WINDOW), LONGEST_WINDOW)) return;
    this.update(now - this.windowStart);
    this.openWindow(now);
  }

  private sample(latency: number, signal: 'answered' | 'dropped'): void {
    this.samples++;
    if (signal === 'answered') {
      this.answers++;
      this.answerLatencies += latency;
      this.latencies += latency;
    } else {
      this.latencies += Math.max(latency, (this.baseline * this.tolerance) / STEEPEST_GRADIENT);
    }
  }

  private openWindow(now: number): void {
    this.windowStart = now;
    this.peak = this.inFlight;
    this.samples = this.answers = this.latencies = this.answerLatencies = 0;
  }

  private update(elapsed: number): void {
    const short = this.latencies / this.samples;
    this.updateBaseline(short, elapsed);
    if (this.peak < this.estimate / 2) return;
    const gradient =
      short > 0 ? Math.min(1, Math.max(STEEPEST_GRADIENT, (this.tolerance * this.baseline) / short)) : 1;
    const target = this.estimate * gradient + this.room();
    const smoothed = this.estimate + this.smoothing * (target - this.estimate);
    this.estimate = Math.min(this.max, Math.max(this.min, smoothed));
    this.limit = Math.floor(this.estimate);
  }

  private updateBaseline(short: number, elapsed: number): void {
    if (this.answers > 0) {
      const weight =
        this.updates < WARM_UP ? 1 / (this.updates + 1) : 1 - Math.exp(-elapsed / BASELINE_DECAY);
      this.baseline += (this.answerLatencies / this.answers - this.baseline) * weight;
      this.updates++;
    }
    if (this.baseline > DRIFTED * short) this.baseline *= DRIFT_CORRECTION ** (elapsed / 1_000);
  }

  private room(): number {
    return this.queue === 'sqrt' ? Math.max(DEFAULT_QUEUE, Math.sqrt(this.estimate)) : this.queue;
  }
}
