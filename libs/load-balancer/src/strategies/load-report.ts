/** How loaded a server says it is, in its replies and in its answers to probes. */
export interface LoadReport {
  /** Requests it is serving, of all its clients. */
  readonly inFlight: number;
  /**
   * How long requests that began at about this load have lately waited for their answer, in milliseconds: the median of the
   * last nine. `undefined` when there were none for ten seconds.
   */
  readonly latency?: number | undefined;
  /** Requests a second that it has answered in the last ten. */
  readonly rate?: number | undefined;
  /** Share (0–1) of these that it answered with an error. */
  readonly errorRate?: number | undefined;
  /** How late its event loop runs, in milliseconds. */
  readonly loopDelay?: number | undefined;
  /** Share (0–1) of the time for which its event loop is busy. */
  readonly utilization?: number | undefined;
  /** What its operator adds. */
  readonly custom?: Readonly<Record<string, number>> | undefined;
}
