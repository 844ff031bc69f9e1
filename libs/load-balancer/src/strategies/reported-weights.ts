import type { StrategyNode } from './strategy.js';

/** How weights are made of load reports. The defaults are those of gRFC A58. */
export interface ReportedWeightsOptions {
  /** For how long a node's reports are only watched after the first one, in milliseconds; 10 000 by default. */
  readonly blackoutPeriod?: number;
  /** How old a report may be, in milliseconds; 180 000 by default. */
  readonly expirationPeriod?: number;
  /**
   * How much failed requests count against a node: as much utilization as the share that fails, times this; 1 by default, 0
   * for not at all.
   */
  readonly errorPenalty?: number;
}

/** gRFC A58: no weight is further from the mean than this, so that one wrong report cannot take or starve everything. */
const LEAST_OF_MEAN = 0.1;
const MOST_OF_MEAN = 10;
/** Reports are untrusted: divided by nearly nothing, any rate would be infinite. */
const LEAST_UTILIZATION = 0.001;
/** With a single report there is nothing to weigh it against. */
const FEWEST_REPORTS = 2;

/**
 * The weights that nodes earn (gRFC A58): what a node gets done for what it costs it,
 * `rate / (utilization + errorRate × penalty)`. A node without a usable report takes the mean of the others.
 *
 * Times are monotonic milliseconds.
 */
export class ReportedWeights {
  private readonly blackout: number;
  private readonly expiration: number;
  private readonly penalty: number;
  /** Since when a node's reports have been coming without a gap. */
  private readonly since = new WeakMap<StrategyNode, number>();

  constructor({
    blackoutPeriod = 10_000,
    expirationPeriod = 180_000,
    errorPenalty = 1,
  }: ReportedWeightsOptions = {}) {
    this.blackout = blackoutPeriod;
    this.expiration = expirationPeriod;
    this.penalty = errorPenalty;
  }

  /** The weights of these nodes, in their order; `undefined` when too few have a usable report. O(n). */
  weigh(nodes: readonly StrategyNode[], now: number): Float64Array | undefined {
    const weights = Float64Array.from(nodes, (node) => this.weightOf(node, now));
    let sum = 0;
    let known = 0;
    for (const weight of weights) {
      if (weight === 0) continue;
      sum += weight;
      known++;
    }
    if (known < FEWEST_REPORTS) return undefined;
    const mean = sum / known;
    return weights.map((weight) =>
      weight === 0 ? mean : Math.min(Math.max(weight, mean * LEAST_OF_MEAN), mean * MOST_OF_MEAN),
    );
  }

  /** 0 for a node whose report is of no use. */
  private weightOf(node: StrategyNode, now: number): number {
    const { load, loadAt, loadSince } = node;
    if (load === undefined || now - loadAt >= this.expiration) {
      this.since.delete(node);
      return 0;
    }
    const { rate = 0, utilization = 0, errorRate = 0 } = load;
    if (rate <= 0 || utilization <= 0) return 0;
    let since = this.since.get(node);
    // It may have been out, and not weighed, between the reports of two processes.
    if (since === undefined || since < loadSince) this.since.set(node, (since = loadAt));
    if (now - since < this.blackout) return 0;
    return rate / (Math.max(utilization, LEAST_UTILIZATION) + errorRate * this.penalty);
  }
}
