/** What is asked of a service when it is told to have changed. */
export interface AvailabilityProbe {
  /** Could a call be sent, or is a node being connected for the first time that it would wait for? */
  readonly mayServe: () => boolean;
  /** Why no call can be sent: what a call would fail with, which names the service and the trouble of its first few nodes. */
  readonly explain: () => string;
}

export interface AvailabilityLogger {
  log(message: string): void;
  warn(message: string): void;
}

/**
 * One line when a service goes down, one when it comes up again: between them an operator need not read what each node
 * has to say. A service that is up from the start is not worth a line.
 */
export class AvailabilityLog {
  /** Since when (monotonic milliseconds) it has been down. */
  private downSince: number | undefined;

  constructor(
    private readonly logger: AvailabilityLogger,
    private readonly service: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * May be told the same again and again.
   *
   * @param ready is there a ready node? Without one, nodes that are not connected yet may still serve.
   */
  changed(ready: boolean, { mayServe, explain }: AvailabilityProbe): void {
    if (ready === (this.downSince === undefined)) return;
    if (this.downSince !== undefined) {
      const seconds = ((this.now() - this.downSince) / 1_000).toFixed(1);
      this.downSince = undefined;
      this.logger.log(`${this.service}: the service is up again after ${seconds} s`);
    } else if (!mayServe()) {
      this.downSince = this.now();
      this.logger.warn(`The service is down. ${explain()}`);
    }
  }
}
