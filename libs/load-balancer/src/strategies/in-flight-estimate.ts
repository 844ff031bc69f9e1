import type { StrategyNode } from './strategy.js';

/** Nodes looked at for one pick. */
const LOOKS = 4;

/**
 * How many calls are in flight on all nodes together, to a quarter of a call a node, without a sum over all in a pick:
 * each look at the estimate renews the counts of four nodes, so that none is older than n/4 picks, in which no more than
 * n/4 calls can have begun.
 */
export class InFlightEstimate {
  total = 0;
  private nodes: readonly StrategyNode[] = [];
  private seen = new Int32Array();
  private next = 0;

  /** Counts exactly, once. O(n). */
  update(nodes: readonly StrategyNode[]): void {
    this.nodes = nodes;
    this.seen = Int32Array.from(nodes, ({ inFlight }) => inFlight);
    this.total = this.seen.reduce((sum, inFlight) => sum + inFlight, 0);
    this.next = 0;
  }

  renew(): void {
    const { nodes, seen } = this;
    const looks = Math.min(LOOKS, nodes.length);
    for (let look = 0; look < looks; look++) {
      if (this.next >= nodes.length) this.next = 0;
      const index = this.next++;
      const { inFlight } = nodes[index] as StrategyNode;
      this.total += inFlight - (seen[index] as number);
      seen[index] = inFlight;
    }
  }
}
