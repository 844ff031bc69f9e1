/** Told once that what it works on is no longer wanted. */
export interface CancellationListener {
  onCancelled(reason: unknown): void;
}

/**
 * Tells everybody who works for a request that its result is no longer wanted: the caller went away, or the deadline
 * passed. It is what stands behind `RequestContext#signal`, for a fraction of an `AbortController`'s price, since most
 * requests are never cancelled and most handlers never ask for the signal.
 */
export class Cancellation {
  private listeners: Set<CancellationListener> | undefined;
  private controller: AbortController | undefined;
  private cause: unknown = undefined;
  private done = false;

  get cancelled(): boolean {
    return this.done;
  }

  /** Why, once it has been cancelled. */
  get reason(): unknown {
    return this.cause;
  }

  /** The same as an `AbortSignal`, made when it is first asked for. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.done) this.controller.abort(this.cause);
    }
    return this.controller.signal;
  }

  /** The first time only; each listener is told once. */
  cancel(reason: unknown): void {
    if (this.done) return;
    this.done = true;
    this.cause = reason;
    const { listeners } = this;
    this.listeners = undefined;
    this.controller?.abort(reason);
    if (listeners) for (const listener of listeners) listener.onCancelled(reason);
  }

  /** A listener that comes too late is not told: look at `cancelled` first. */
  add(listener: CancellationListener): void {
    if (!this.done) (this.listeners ??= new Set()).add(listener);
  }

  remove(listener: CancellationListener): void {
    this.listeners?.delete(listener);
  }
}
