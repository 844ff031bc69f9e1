import { endpointKey, type Endpoint } from '../../cluster/endpoint.js';
import type { SrvRecord } from './name-server.js';

/**
 * The nodes of SRV records whose hosts have been looked up: the best priority first, each as many times as its host has
 * addresses. Which of two records with the same node counts is settled by their priority.
 *
 * The weight of a record is that of its host, so it is divided among the host's addresses. A weight of 0 means "a very small
 * chance" in RFC 2782, not none: the draw there gives all records of weight 0 together one share more than the sum of
 * the others, so that each of `n` has the weight 1/n here. Where all have weight 0, they are equal.
 */
export function srvNodes(
  records: readonly SrvRecord[],
  addressesOf: ReadonlyMap<string, readonly string[]>,
): Endpoint[] {
  const byKey = new Map<string, Endpoint>();
  for (const [priority, group] of byPriority(records)) {
    const unweighted = group.filter(({ weight }) => weight === 0).length;
    const allEqual = unweighted === group.length;
    for (const { name, port, weight } of group) {
      const addresses = addressesOf.get(name) ?? [];
      const share = weight > 0 ? weight : allEqual ? 1 : 1 / unweighted;
      for (const host of addresses) {
        const node: Endpoint = { host, port, priority, weight: share / addresses.length };
        // The addresses are what is connected to; the name is what people know it by.
        if (host !== name) node.metadata = { hostname: name };
        const key = endpointKey(node);
        if (!byKey.has(key)) byKey.set(key, node);
      }
    }
  }
  return [...byKey.values()];
}

function byPriority(records: readonly SrvRecord[]): [priority: number, records: SrvRecord[]][] {
  const groups = new Map<number, SrvRecord[]>();
  // Sorted, since name servers tell them in another order each time.
  for (const record of [...records].sort(inOrder))
    groups.set(record.priority, [...(groups.get(record.priority) ?? []), record]);
  return [...groups];
}

function inOrder(a: SrvRecord, b: SrvRecord): number {
  return (
    a.priority - b.priority ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) ||
    a.port - b.port ||
    b.weight - a.weight
  );
}
