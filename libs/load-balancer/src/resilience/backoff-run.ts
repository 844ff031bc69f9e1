import { backoffDelay, type Backoff } from './backoff.js';

/**
 * The delays between failures in a row, of which there are several kinds, each with a back-off of its own: what is away is tried
 * often, what refuses ever more rarely. With another kind the back-off begins anew, so that a registry that was away for long and
 * then refuses for a moment is not left for half a minute.
 */
export class BackoffRun {
  private failures = 0;
  private attempt = 0;
  private kind: Backoff | undefined;

  /** @param random uniform in [0, 1) */
  constructor(private readonly random: () => number) {}

  /** Failures since the last success, of every kind. */
  get count(): number {
    return this.failures;
  }

  /** It has failed: the milliseconds before the next attempt. */
  next(kind: Backoff): number {
    this.failures++;
    if (kind !== this.kind) this.attempt = 0;
    this.kind = kind;
    return backoffDelay(kind, this.attempt++, this.random);
  }

  /** It has succeeded. */
  reset(): void {
    this.failures = this.attempt = 0;
  }
}
