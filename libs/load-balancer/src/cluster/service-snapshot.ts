import type { Cluster } from './cluster.js';
import type { LocalitySettings } from './locality/places.js';
import { DEFAULT_LOCALITY, dividePlaces } from './locality/places.js';
import type {
  DiscoverySnapshot,
  DryRunSnapshot,
  NodeSnapshot,
  NodeStatus,
  ServiceSnapshot,
} from './snapshot.js';

const TROUBLED: ReadonlySet<NodeStatus> = new Set(['disconnected', 'unhealthy', 'ejected'] as const);

/** What the cluster itself does not know of its service. */
export interface Surroundings {
  /** Nodes that discovery lists; those of the cluster by default. */
  readonly known?: number;
  readonly locality?: LocalitySettings;
  readonly dryRun?: DryRunSnapshot | undefined;
}

/** What `/health` tells of one service. O(n), off the call path. */
export function snapshotService<H>(
  name: string,
  minReady: number,
  cluster: Cluster<H>,
  discovery: DiscoverySnapshot,
  { known = cluster.nodes.size, locality = DEFAULT_LOCALITY, dryRun }: Surroundings = {},
): ServiceSnapshot {
  const { panic, candidates } = cluster;
  const nodes = [...cluster.nodes.values()].map((node) => node.snapshot());
  const ready = nodes.filter(takesCalls).length;
  // Their connections and probes are in order, which is more than can be said of nodes whose probes fail.
  const inPanic = panic ? candidates.filter(({ status }) => status === 'ejected').length : 0;
  const troubled = discovery.state === 'failing' || nodes.some(({ status }) => TROUBLED.has(status));
  const status = ready + inPanic < minReady ? 'down' : troubled ? 'degraded' : 'up';
  const places = dividePlaces(cluster.nodes.values(), candidates, locality).map((place) => {
    return { ...place, nodes: place.nodes.length };
  });
  const total = nodes.length;
  return { name, status, ready, total, known, minReady, panic, places, discovery, nodes, dryRun };
}

/** A node that waits for its first call to be connected counts: it is there as far as anybody knows. */
function takesCalls({ status, endpoint }: NodeSnapshot): boolean {
  return endpoint.weight > 0 && (status === 'ready' || status === 'idle');
}
