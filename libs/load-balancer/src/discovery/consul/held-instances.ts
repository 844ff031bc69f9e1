import type { Endpoint } from '../../cluster/endpoint.js';
import { Holdover } from '../holdover.js';

/**
 * The instances that are called: those that Consul shows and, after it was away or showed none at all, those it showed before, for
 * a while. An agent that comes back has forgotten its services or takes them for critical until it hears of each: who is back
 * first must not be all there is.
 *
 * Pure: time is passed in.
 */
export class HeldInstances {
  private readonly holdover: Holdover;
  /** What Consul showed last, whatever is held beside it. */
  private shown: readonly Endpoint[] = [];
  /** Has something happened since for which instances may be missing that are there? */
  private inDoubt = false;

  /** @param grace milliseconds that an instance gets to come back */
  constructor(grace: number) {
    this.holdover = new Holdover(grace);
  }

  /** Consul could not be asked. */
  failed(): void {
    this.inDoubt = true;
  }

  /** Consul shows none. Several that go at once, and leave none, did not all mean to. */
  none(): void {
    if (this.shown.length > 1) this.inDoubt = true;
  }

  /** Consul shows these. */
  show(nodes: readonly Endpoint[], now: number): void {
    if (this.inDoubt) this.holdover.begin(this.shown, now);
    this.inDoubt = false;
    this.shown = nodes;
  }

  /** All that are to be called. */
  nodes(now: number): readonly Endpoint[] {
    return this.holdover.merge(this.shown, now);
  }

  /** Milliseconds until the next of those that are held is let go; `undefined` when none is. */
  left(now: number): number | undefined {
    return this.holdover.left(now);
  }
}
