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
  /** With when each is to be let go. */
  private readonly held = new Map<string, { readonly node: Endpoint; readonly end: number }>();

  /** @param grace milliseconds that providers get to register again */
  constructor(private readonly grace: number) {}

  /**
   * Contact is there again; these were registered when it was lost. Of those that are held from an earlier time and were not, the
   * time goes on: it must run out however often contact is lost.
   */
  begin(registered: readonly Endpoint[], now: number): void {
    const end = now + this.grace;
    for (const node of registered) this.held.set(endpointKey(node), { node, end });
  }

  /** The nodes there are, and those that are held. */
  merge(nodes: readonly Endpoint[], now: number): readonly Endpoint[] {
    this.letGo(now);
    if (this.held.size === 0) return nodes;
    const known = new Set(nodes.map(endpointKey));
    const missing = [...this.held].flatMap(([key, { node }]) => (known.has(key) ? [] : [node]));
    return missing.length === 0 ? nodes : [...nodes, ...missing];
  }

  /** Milliseconds until the next of them is to be let go; `undefined` when nothing is held. */
  left(now: number): number | undefined {
    this.letGo(now);
    if (this.held.size === 0) return undefined;
    let first = Infinity;
    for (const { end } of this.held.values()) first = Math.min(first, end);
    return first - now;
  }

  private letGo(now: number): void {
    for (const [key, { end }] of this.held) if (now >= end) this.held.delete(key);
  }
}
