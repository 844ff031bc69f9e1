import type { NodeStatus } from '../cluster/snapshot.js';
import type { Backoff } from '../resilience/backoff.js';
import { backoffDelay } from '../resilience/backoff.js';
import type { UpstreamNode } from './upstream-node.js';

/**
 * Milliseconds between two attempts to connect, of all nodes together, while no node is ready: ten a second from one client
 * are no herd, whatever the size of the service.
 */
const OUTAGE_SPACING = 100;
/** Milliseconds after an outage for which nodes are still looked for as often: they come back one after another. */
const RECOVERY = 30_000;

export interface AvailabilityDeps {
  readonly nodes: () => Iterable<UpstreamNode>;
  /** Told when the first node becomes ready, and whenever a node is lost or fails while none is; may repeat itself. */
  readonly onAvailability: (available: boolean) => void;
  readonly now: () => number;
  readonly random: () => number;
}

/**
 * Whether the service has a node that calls can go to, and how often lost nodes are looked for because of it: gRPC's
 * back-off grows to two minutes, which is right for one node among many and wrong while everybody waits for any.
 */
export class Availability {
  private readonly ready = new Set<UpstreamNode>();
  private disconnected = 0;
  /** When the first node became ready after a time without any. */
  private recoveredAt = -Infinity;

  constructor(
    private readonly usual: Backoff,
    private readonly deps: AvailabilityDeps,
  ) {}

  /** Milliseconds before attempt `n` (from 0) to connect a node again. */
  reconnectDelay(attempt: number): number {
    return backoffDelay(this.backoff, attempt, this.deps.random);
  }

  statusChanged(node: UpstreamNode, from: NodeStatus): void {
    if (node.status === 'disconnected') this.disconnected++;
    if (from === 'disconnected') this.disconnected--;
    const wasReady = this.ready.has(node);
    this.recount(node);
    // As with `ClientTCP`, a client that never got through is told so, too.
    const failed = node.status === 'disconnected' || node.status === 'unhealthy';
    if (failed && !wasReady && this.ready.size === 0) this.deps.onAvailability(false);
  }

  /** It has other labels, perhaps another weight: with a weight of 0, being ready is no use. */
  relabelled(node: UpstreamNode): void {
    this.recount(node);
  }

  left(node: UpstreamNode): void {
    if (node.status === 'disconnected') this.disconnected--;
    if (this.ready.delete(node) && this.ready.size === 0) this.outage();
  }

  private recount(node: UpstreamNode): void {
    const counts = node.status === 'ready' && node.weight > 0;
    if (counts === this.ready.has(node)) return;
    if (counts) {
      this.ready.add(node);
      if (this.ready.size === 1) this.recovered();
    } else {
      this.ready.delete(node);
      if (this.ready.size === 0) this.outage();
    }
  }

  /** The last node that was ready is not any more: those that were given up for longer are looked for again. */
  private outage(): void {
    for (const { handle } of this.deps.nodes()) handle.channel.hurry(this.longestDelay());
    this.deps.onAvailability(false);
  }

  /** The others may be on their way, too, and are not to suffer for how long they were looked for in vain. */
  private recovered(): void {
    this.recoveredAt = this.deps.now();
    for (const { handle } of this.deps.nodes()) handle.channel.startOver(this.longestDelay());
    this.deps.onAvailability(true);
  }

  private longestDelay(): number {
    const { jitter, multiplier, max } = this.backoff;
    return backoffDelay({ initial: max, jitter, multiplier, max }, 0, this.deps.random);
  }

  /** In an outage, and for a while after it, the delay does not grow; with many nodes it is longer, since any of them will do. */
  private get backoff(): Backoff {
    const { usual, deps } = this;
    if (this.ready.size > 0 && deps.now() - this.recoveredAt > RECOVERY) return usual;
    const longest = Math.max(usual.initial, this.disconnected * OUTAGE_SPACING);
    return { ...usual, max: Math.min(usual.max, longest) };
  }
}
