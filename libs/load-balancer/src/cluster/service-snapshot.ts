import type { Cluster } from './cluster.js';
import type {
  DiscoverySnapshot,
  DryRunSnapshot,
  NodeSnapshot,
  NodeStatus,
  ServiceSnapshot,
} from './snapshot.js';

const TROUBLED: ReadonlySet<NodeStatus> = new Set(['disconnected', 'unhealthy', 'ejected'] as const);

/** What `/health` tells of one service. O(n), off the call path. */
export function snapshotService<H>(
  name: string,
  minReady: number,
  cluster: Cluster<H>,
  discovery: DiscoverySnapshot,
  dryRun?: DryRunSnapshot,
): ServiceSnapshot {
  const nodes = [...cluster.nodes.values()].map((node) => node.snapshot());
  const ready = nodes.filter(takesCalls).length;
  const troubled = discovery.state === 'failing' || nodes.some(({ status }) => TROUBLED.has(status));
  const status = ready < minReady ? 'down' : troubled ? 'degraded' : 'up';
  return {
    name,
    status,
    ready,
    total: nodes.length,
    minReady,
    panic: cluster.panic,
    discovery,
    nodes,
    dryRun,
  };
}

/** A node that waits for its first call to be connected counts: it is there as far as anybody knows. */
function takesCalls({ status, endpoint }: NodeSnapshot): boolean {
  return endpoint.weight > 0 && (status === 'ready' || status === 'idle');
}
