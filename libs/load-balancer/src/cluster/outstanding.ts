/** An attempt that waits for its first sign of life. It carries the links itself, so that keeping track allocates nothing. */
export interface Outstanding {
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  older: Outstanding | undefined;
  newer: Outstanding | undefined;
  /** Calls of this client in flight on the node when it began, itself included; set by the node. */
  inFlight: number;
}

/**
 * The attempts on one node that wait for an answer, oldest first: how a node that has stopped answering is seen before
 * the first deadline passes. Attempts are added in the order in which they start. O(1) each.
 */
export class OutstandingList {
  private oldest: Outstanding | undefined = undefined;
  private newest: Outstanding | undefined = undefined;

  /** When the oldest of them began; `undefined` when there is none. */
  get since(): number | undefined {
    return this.oldest?.startedAt;
  }

  /** @param attempt in no list at the moment */
  add(attempt: Outstanding): void {
    attempt.older = this.newest;
    attempt.newer = undefined;
    if (this.newest) this.newest.newer = attempt;
    else this.oldest = attempt;
    this.newest = attempt;
  }

  /** Does nothing for an attempt that has been taken out before. */
  remove(attempt: Outstanding): void {
    const { older, newer } = attempt;
    if (older) older.newer = newer;
    else if (this.oldest === attempt) this.oldest = newer;
    else return;
    if (newer) newer.older = older;
    else this.newest = older;
    attempt.older = attempt.newer = undefined;
  }
}
