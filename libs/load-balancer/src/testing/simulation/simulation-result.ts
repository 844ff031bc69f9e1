/** How long callers waited, in milliseconds, however their calls ended; `NaN` where there were none. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What came of a simulation. All figures are of the time after the warm-up, unless they say otherwise. */
export interface SimulationResult {
  /** Calls that arrived: `answered + failed + unfinished`. */
  readonly calls: number;
  readonly answered: number;
  readonly failed: number;
  /** By the code of the error: `{ DEADLINE_EXCEEDED: 3 }`. */
  readonly failedBy: Readonly<Record<string, number>>;
  /** Calls that were under way at the end. */
  readonly unfinished: number;
  /** From when a call was made until it settled; of an unfinished one, its age. */
  readonly latency: Percentiles & { readonly mean: number };
  /** Second by second from the very start, by when the calls arrived. */
  readonly overTime: readonly MomentResult[];
  readonly servers: readonly ServerResult[];
  /** Requests that were sent for these calls. */
  readonly attempts: number;
  /** How often a call was tried again after a failure, at the cost of the budget. */
  readonly retries: number;
  /** How often a call was sent to a second node beside a silent one. */
  readonly hedges: number;
  /** How often a client ejected a node. */
  readonly ejections: number;
  /** How often a client began to ignore health, because too few nodes were healthy. */
  readonly panics: number;
  /** What the library would log: options that hardly mean what they say, a strategy of one's own that throws. Each once. */
  readonly warnings: readonly string[];
}

/** The calls that arrived within one second. */
export interface MomentResult extends Percentiles {
  /** When the second begins, in milliseconds. */
  readonly at: number;
  readonly calls: number;
  readonly failed: number;
}

export interface ServerResult {
  readonly name: string;
  readonly zone: string | undefined;
  /** Requests that it has served. */
  readonly served: number;
  /** Its share (0–1) of all that were served. */
  readonly share: number;
  /** Share (0–1) of the time for which its workers were at work. */
  readonly utilization: number;
}
