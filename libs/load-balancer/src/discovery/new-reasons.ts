/** Reasons remembered at once: a failure that words itself differently each time must not fill the memory or the log. */
const MAX_REASONS = 32;

/**
 * Decides which failures are worth a warning: each reason once, and again only when a success has come in between and
 * `quiet` milliseconds have passed, so that what fails and recovers in quick turns is not told each time.
 */
export class NewReasons {
  private readonly toldAt = new Map<string, number>();

  constructor(private readonly quiet: number) {}

  /** Is it to be told? Then it counts as told. */
  take(reason: string, now: number): boolean {
    if (this.toldAt.has(reason) || this.toldAt.size >= MAX_REASONS) return false;
    this.toldAt.set(reason, now);
    return true;
  }

  succeeded(now: number): void {
    for (const [reason, toldAt] of this.toldAt) {
      if (now - toldAt >= this.quiet) this.toldAt.delete(reason);
    }
  }
}
