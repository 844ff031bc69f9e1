/**
 * When a node is taken out because its calls are lost or time out. Answers count as good, errors of handlers among them.
 * The defaults are those of gRFC A50 and Envoy.
 */
export interface OutlierDetectionOptions {
  /** How often the statistics are looked at, in milliseconds; 10 000 by default, at least 1 000. */
  interval?: number;
  /**
   * For how long a node is out the first time, in milliseconds, to the second; 30 000 by default. Each further time it is
   * longer by this; each interval without trouble takes one time back.
   */
  baseEjectionTime?: number;
  /** The longest time out, in milliseconds; 300 000 by default, or `baseEjectionTime` when that is longer. */
  maxEjectionTime?: number;
  /** No more than this percentage of the nodes is out, but one always may be; 10 by default, 0 for none at all. */
  maxEjectionPercent?: number;
  /** Failures in a row that take a node out at once; 5 by default. Calls lost with one connection count once. */
  consecutiveFailures?: number | false;
  successRate?: SuccessRateOptions | false;
  failurePercentage?: FailurePercentageOptions | false;
  /** Off by default: the strategies by load leave slow nodes alone without losing them. */
  latency?: LatencyOptions | false;
}

/** How much there has to be to go by, for a check that compares nodes. */
interface Evidence {
  /** Nodes with enough requests; 5 by default, at least 3. With fewer there is no telling who is the odd one out. */
  minimumNodes?: number;
  /** Requests of a node in one interval. */
  minimumRequests?: number;
}

/** Takes out nodes that succeed less often than the others, by at least 5 percentage points. */
export interface SuccessRateOptions extends Evidence {
  /** Standard deviations below the mean that are still fine; 1.9 by default. */
  deviations?: number;
  /** 100 by default. */
  minimumRequests?: number;
}

/** Takes out nodes that fail more often than a fixed percentage. */
export interface FailurePercentageOptions extends Evidence {
  /** The percentage (0–100) that has to be exceeded; 85 by default. */
  threshold?: number;
  /** 50 by default. */
  minimumRequests?: number;
}

/** Takes out nodes that answer much later than the others. */
export interface LatencyOptions extends Evidence {
  /** How many times the median of the nodes a node's mean latency has to exceed; 5 by default. */
  factor?: number;
  /** Mean latency up to which no node is slow, in milliseconds; 100 by default. */
  tolerated?: number;
  /** 50 by default. */
  minimumRequests?: number;
}

/** The same with every default filled in. */
export interface EjectionPolicy {
  readonly interval: number;
  readonly baseEjectionTime: number;
  readonly maxEjectionTime: number;
  readonly maxEjectionPercent: number;
  readonly consecutiveFailures: number | false;
  readonly successRate: Readonly<Required<SuccessRateOptions>> | false;
  readonly failurePercentage: Readonly<Required<FailurePercentageOptions>> | false;
  readonly latency: Readonly<Required<LatencyOptions>> | false;
}

/** Fills in the defaults. The options have been validated before. */
export function resolveEjectionPolicy({
  successRate,
  failurePercentage,
  latency = false,
  interval = 10_000,
  baseEjectionTime = 30_000,
  maxEjectionTime = Math.max(300_000, baseEjectionTime),
  maxEjectionPercent = 10,
  consecutiveFailures = 5,
}: OutlierDetectionOptions = {}): EjectionPolicy {
  return {
    interval,
    baseEjectionTime,
    maxEjectionTime,
    maxEjectionPercent,
    consecutiveFailures,
    successRate: successRate !== false && successRateCheck(successRate),
    failurePercentage: failurePercentage !== false && failurePercentageCheck(failurePercentage),
    latency: latency !== false && latencyCheck(latency),
  };
}

// Not by spreading over the defaults: what is `undefined` counts as left out.

function successRateCheck({
  deviations = 1.9,
  minimumNodes = 5,
  minimumRequests = 100,
}: SuccessRateOptions = {}): Required<SuccessRateOptions> {
  return { deviations, minimumNodes, minimumRequests };
}

function failurePercentageCheck({
  threshold = 85,
  minimumNodes = 5,
  minimumRequests = 50,
}: FailurePercentageOptions = {}): Required<FailurePercentageOptions> {
  return { threshold, minimumNodes, minimumRequests };
}

function latencyCheck({
  factor = 5,
  tolerated = 100,
  minimumNodes = 5,
  minimumRequests = 50,
}: LatencyOptions): Required<LatencyOptions> {
  return { factor, tolerated, minimumNodes, minimumRequests };
}
