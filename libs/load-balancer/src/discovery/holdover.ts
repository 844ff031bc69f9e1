import { endpointKey, type Endpoint } from '../cluster/endpoint.js';

/** Is one of these nodes not among the others? */
export function someMissing(nodes: readonly Endpoint[], others: readonly Endpoint[]): boolean {
  const known = new Set(others.map(endpointKey));
  return nodes.some((node) => !known.has(endpointKey(node)));
}

/**
 * Keeps nodes that vanish right after the registry came back, for a while. When etcd was away, leases may have run out for
 * no fault of their providers, which register again as soon as they can: until then, that a key is missing says nothing of its
 * node. Whether the node is there shows in its connection, as always.
 *
 * Pure: time is passed in.
 */
export class Holdover {
  private held: readonly Endpoint[] = [];
  private end = -Infinity;

  /** @param grace milliseconds that providers get to register again */
  constructor(private readonly grace: number) {}

  /** Contact is there again; these were the nodes when it was lost. */
  begin(nodes: readonly Endpoint[], now: number): void {
    this.held = nodes;
    this.end = now + this.grace;
  }

  /** The nodes there are, and those that are held. */
  merge(nodes: readonly Endpoint[], now: number): readonly Endpoint[] {
    if (this.held.length === 0 || now >= this.end) return nodes;
    const known = new Set(nodes.map(endpointKey));
    const missing = this.held.filter((node) => !known.has(endpointKey(node)));
    return missing.length === 0 ? nodes : [...nodes, ...missing];
  }

  /** Milliseconds until what is held is to be let go; `undefined` when nothing is held. */
  left(now: number): number | undefined {
    return this.held.length > 0 && now < this.end ? this.end - now : undefined;
  }
}
