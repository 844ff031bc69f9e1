/** How the attempts on one node have ended since the last sweep. */
export class CallTally {
  successes = 0;
  failures = 0;
  /** Failures since the last success, over sweeps. */
  inARow = 0;
  private latencies = 0;
  private lastFailureAt = -Infinity;

  get requests(): number {
    return this.successes + this.failures;
  }

  /** Share (0–1) of its requests that succeeded. Means nothing without requests. */
  get successRate(): number {
    return this.successes / this.requests;
  }

  /** Of those that were answered, in milliseconds. Means nothing without one. */
  get meanLatency(): number {
    return this.latencies / this.successes;
  }

  success(latency: number): void {
    this.successes++;
    this.latencies += latency;
    this.inARow = 0;
  }

  /**
   * @param memory milliseconds after which a failure no longer belongs to the row
   * @param aftermath it comes from what the last failure came from
   */
  failure(now: number, memory: number, aftermath: boolean): void {
    this.failures++;
    if (now - this.lastFailureAt > memory) this.inARow = 0;
    if (!aftermath || this.inARow === 0) this.inARow++;
    this.lastFailureAt = now;
  }

  /** A new interval begins. */
  reset(): void {
    this.successes = 0;
    this.failures = 0;
    this.latencies = 0;
  }
}
