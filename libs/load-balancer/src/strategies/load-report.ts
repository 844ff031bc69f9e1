/** How loaded a server says it is, in its replies and in its answers to probes. */
export interface LoadReport {
  /** Requests it is serving, of all its clients. */
  readonly inFlight: number;
  /** What its handlers take at this load, in milliseconds; `undefined` before the first answer. */
  readonly latency?: number | undefined;
  /** Requests it has answered a second lately. */
  readonly rate?: number | undefined;
  /** Requests a second of these that failed. */
  readonly errorRate?: number | undefined;
  /** How late its event loop runs, in milliseconds. */
  readonly loopDelay?: number | undefined;
  /** Share (0–1) of the time for which its event loop is busy. */
  readonly utilization?: number | undefined;
  /** What its operator adds. */
  readonly custom?: Readonly<Record<string, number>> | undefined;
}
