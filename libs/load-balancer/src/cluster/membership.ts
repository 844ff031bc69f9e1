import type { ResolvedEndpoint } from './endpoint.js';
import { endpointKey } from './endpoint.js';

/** What changes when a new set of endpoints replaces the old one. */
export interface MembershipDiff<N> {
  /** The whole new set in the resolver's order; survivors are the same objects as before. */
  readonly nodes: Map<string, N>;
  readonly added: N[];
  readonly removed: N[];
  /** Did anything change: members, their order or their labels? */
  readonly changed: boolean;
}

/**
 * Membership is a diff: a node whose address stays keeps its object, and with it its connection and statistics. O(n).
 */
export function diffMembership<
  N extends { endpoint: ResolvedEndpoint; update(endpoint: ResolvedEndpoint): void },
>(
  current: ReadonlyMap<string, N>,
  endpoints: readonly ResolvedEndpoint[],
  create: (endpoint: ResolvedEndpoint) => N,
): MembershipDiff<N> {
  const nodes = new Map<string, N>();
  const added: N[] = [];
  let changed = current.size !== endpoints.length;
  const order = current.keys();
  for (const endpoint of endpoints) {
    const key = endpointKey(endpoint);
    if (nodes.has(key)) continue;
    const survivor = current.get(key);
    if (survivor) {
      if (!sameEndpoint(survivor.endpoint, endpoint)) {
        survivor.update(endpoint);
        changed = true;
      }
      nodes.set(key, survivor);
    } else {
      const node = create(endpoint);
      nodes.set(key, node);
      added.push(node);
    }
    if (order.next().value !== key) changed = true;
  }
  const removed: N[] = [];
  for (const [key, node] of current) if (!nodes.has(key)) removed.push(node);
  return { nodes, added, removed, changed };
}

/** Are the members, their order and their labels the same? */
export function sameMembers(a: readonly ResolvedEndpoint[], b: readonly ResolvedEndpoint[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => {
      const other = b[index];
      return (
        other !== undefined && one.host === other.host && one.port === other.port && sameEndpoint(one, other)
      );
    })
  );
}

function sameEndpoint(a: ResolvedEndpoint, b: ResolvedEndpoint): boolean {
  return (
    a.weight === b.weight &&
    a.zone === b.zone &&
    a.priority === b.priority &&
    a.draining === b.draining &&
    sameMetadata(a.metadata, b.metadata)
  );
}

function sameMetadata(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
