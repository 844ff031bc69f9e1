import type {
  DiscoverySnapshot,
  DryRunSnapshot,
  NodeSnapshot,
  NodeStatus,
  PlaceSnapshot,
  ServiceSnapshot,
  TargetSnapshot,
} from '../cluster/snapshot.js';
import type { RegistrationSnapshot } from '../server/registration/registration-keeper.js';

/**
 * `down`: a service has fewer ready nodes than its `minReady`; ejected ones that it uses in panic count as well. `degraded`:
 * all have enough, but something is amiss.
 */
export type HealthStatus = 'up' | 'degraded' | 'down';

/**
 * The body of `GET /health`.
 *
 * @example
 * ```json
 * {
 *   "status": "degraded",
 *   "services": {
 *     "orders": {
 *       "status": "degraded", "ready": 1, "total": 2, "minReady": 1, "panic": false,
 *       "discovery": { "target": "static:///10.0.0.1:4001,10.0.0.2:4001", "state": "ok",
 *         "lastSuccess": "2026-01-31T09:00:00.000Z", "age": 0 },
 *       "nodes": [
 *         { "key": "10.0.0.1:4001", "weight": 1, "status": "ready", "reason": "answered a probe after connecting",
 *           "since": "2026-01-31T09:00:00.120Z", "inFlight": 2, "calls": 512, "failures": 0, "latency": 1.84 },
 *         { "key": "10.0.0.2:4001", "weight": 1, "status": "disconnected", "reason": "connect ECONNREFUSED 10.0.0.2:4001",
 *           "since": "2026-01-31T09:12:40.007Z", "inFlight": 0, "calls": 498, "failures": 1, "latency": 2.02 }
 *       ]
 *     }
 *   }
 * }
 * ```
 */
export interface HealthReport {
  /** The worst of all services; `up` when there are none. */
  status: HealthStatus;
  /** Every service by name; left out when the request may not see details. */
  services?: Record<string, ServiceHealth>;
  /** Where servers of this process are registered; left out when none wants to be, or when the request may not see details. */
  registrations?: RegistrationHealth[];
}

/** One registration in `GET /health`. It does not count in the status, which is about what this process calls. */
export interface RegistrationHealth {
  service: string;
  /** The registry, without its secrets. */
  target: string;
  /** `registering` until the first time; `lost` while it is made anew; `leaving` in a drain. */
  state: RegistrationSnapshot['state'];
  /** `host:port` as consumers are told; `null` until it is known. */
  address: string | null;
  /** Since when it has had this state (ISO 8601). */
  since: string;
  /** What is wrong, unless it is registered. */
  error?: string;
}

/** One service in `GET /health`. */
export interface ServiceHealth {
  status: HealthStatus;
  /** Nodes that calls can go to now: `ready` ones, and `idle` ones, which their first call connects. */
  ready: number;
  total: number;
  /** Nodes that discovery lists; left out where all of them are used and no `subset`. */
  known?: number;
  minReady: number;
  /** Health is ignored, since fewer nodes (of some priority) than the panic threshold are healthy. */
  panic: boolean;
  /** Where calls go by priority and zone; left out while there is only one place for them. */
  places?: PlaceHealth[];
  discovery: DiscoveryHealth;
  nodes: NodeHealth[];
  /** What its `dryRun` would have done; left out without one. */
  dryRun?: DryRunHealth;
}

/** What a strategy or an ejection policy that only looks on would have done, in `GET /health`. */
export interface DryRunHealth {
  /** Picks in which it agrees with the strategy that acts, and others. */
  strategy?: { name: string; same: number; different: number };
  outlierDetection?: { ejections: number; returns: number; out: { node: string; reason: string }[] };
}

/** Where the nodes of a service come from, in `GET /health`. Of several targets: the worst state and the latest success. */
export interface DiscoveryHealth {
  /** The target, without its secrets. */
  target: string;
  state: DiscoverySnapshot['state'];
  /** When it last gave a usable set of nodes, or confirmed the one it gave (ISO 8601); `null` when it has not yet. */
  lastSuccess: string | null;
  /** Milliseconds since then, 0 for a fixed list; `null` when it has not yet. */
  age: number | null;
  /** What is wrong, while it is failing. */
  error?: string;
  /** What of its last usable set could not be used, or is missing. */
  warning?: string;
  /** Each target in their order of fallback; left out when there is one. */
  targets?: TargetHealth[];
}

/** One of several targets of a service, in `GET /health`. */
export interface TargetHealth extends Omit<DiscoveryHealth, 'targets'> {
  /** Nodes of its last usable set. */
  nodes: number;
}

/** Nodes of one priority, or of one zone of it, in `GET /health`. */
export interface PlaceHealth {
  priority: number;
  /** Left out where zones do not matter; `""` for nodes that do not tell theirs. */
  zone?: string;
  /** Share of the calls (0–1) that goes there now. */
  share: number;
  /** Nodes there that calls can go to now. */
  nodes: number;
}

/** One node in `GET /health`. */
export interface NodeHealth {
  /** `host:port` */
  key: string;
  /** A node of weight 0 gets no calls and does not count as ready, whatever its status. */
  weight: number;
  /** Left out when it tells none. */
  zone?: string;
  /** Left out when it is 0, the highest. */
  priority?: number;
  status: NodeStatus;
  reason: string;
  /** Since when it has had this status (ISO 8601). */
  since: string;
  /** When a call may try it (ISO 8601); left out unless it is ejected. */
  ejectedUntil?: string;
  /** Calls on it that have not been answered. */
  inFlight: number;
  /** Attempts since the node has been known. */
  calls: number;
  /** Attempts that were refused, lost or timed out. */
  failures: number;
  /** Moving average in milliseconds; `null` before its first answer. */
  latency: number | null;
}

/**
 * The body of `GET /health/ready`.
 *
 * @example
 * ```json
 * { "status": "not-ready", "reasons": ["orders: 0 of 3 nodes are ready, 1 needed"] }
 * ```
 */
export interface ReadinessReport {
  status: 'ready' | 'not-ready' | 'shutting-down';
  /** What is missing; left out when nothing is, or when the request may not see details. */
  reasons?: string[];
}

/** The worst status of all services; `up` when there are none. */
export function overallStatus(services: readonly Pick<ServiceSnapshot, 'status'>[]): HealthStatus {
  if (services.some(({ status }) => status === 'down')) return 'down';
  return services.some(({ status }) => status === 'degraded') ? 'degraded' : 'up';
}

/** The body of `/health` with all its details. */
export function healthReport(
  services: readonly ServiceSnapshot[],
  registrations: readonly RegistrationSnapshot[] = [],
): HealthReport {
  return {
    status: overallStatus(services),
    services: Object.fromEntries(services.map((service) => [service.name, serviceHealth(service)])),
    ...(registrations.length > 0 && { registrations: registrations.map(registrationHealth) }),
  };
}

/**
 * Why the application should get no traffic yet: one line for each registration that has never been made. One that is lost
 * later is no reason: the server can be called, and a registry that is away must not take all of its providers with it.
 */
export function missingRegistrations(registrations: readonly RegistrationSnapshot[]): string[] {
  return registrations
    .filter(({ hasBeenRegistered }) => !hasBeenRegistered)
    .map(
      ({ service, target, error }) =>
        `${service}: not registered in ${target} yet${error === undefined ? '' : `: ${error}`}`,
    );
}

function registrationHealth({
  service,
  target,
  state,
  address,
  since,
  error,
}: RegistrationSnapshot): RegistrationHealth {
  const health = { service, target, state, address: address ?? null, since: since.toISOString() };
  return error === undefined ? health : { ...health, error };
}

/** Why the application should get no traffic: one line for each service with too few ready nodes. */
export function missingNodes(services: readonly ServiceSnapshot[]): string[] {
  return services
    .filter(({ status }) => status === 'down')
    .map(({ name, ready, total, minReady }) => {
      return `${name}: ${ready} of ${total} ${total === 1 ? 'node is' : 'nodes are'} ready, ${minReady} needed`;
    });
}

// Each field is named: what a snapshot may carry one day does not leak out by itself.
function serviceHealth(service: ServiceSnapshot): ServiceHealth {
  const { status, ready, total, known, minReady, panic, places, discovery, nodes, dryRun } = service;
  return {
    status,
    ready,
    total,
    ...(known > total && { known }),
    minReady,
    panic,
    ...(places.length > 1 && { places: places.map(placeHealth) }),
    discovery: discoveryHealth(discovery),
    nodes: nodes.map(nodeHealth),
    ...(dryRun && { dryRun: dryRunHealth(dryRun) }),
  };
}

function dryRunHealth({ strategy, outlierDetection }: DryRunSnapshot): DryRunHealth {
  const health: DryRunHealth = {};
  if (strategy) {
    const { name, same, different } = strategy;
    health.strategy = { name, same, different };
  }
  if (outlierDetection) {
    const { ejections, returns, out } = outlierDetection;
    health.outlierDetection = { ejections, returns, out: out.map(({ node, reason }) => ({ node, reason })) };
  }
  return health;
}

function placeHealth({ priority, zone, share, nodes }: PlaceSnapshot): PlaceHealth {
  return { priority, ...(zone !== undefined && { zone }), share: roundToMillionths(share), nodes };
}

function discoveryHealth(discovery: DiscoverySnapshot): DiscoveryHealth {
  const { targets } = discovery;
  const health = targetHealth(discovery);
  if (targets.length === 1) return health;
  return { ...health, targets: targets.map((target) => ({ ...targetHealth(target), nodes: target.nodes })) };
}

function targetHealth({
  target,
  state,
  lastSuccess,
  age,
  error,
  warning,
}: Omit<TargetSnapshot, 'nodes'>): Omit<DiscoveryHealth, 'targets'> {
  const health = { target, state, lastSuccess: lastSuccess?.toISOString() ?? null, age: age ?? null };
  return { ...health, ...(error !== undefined && { error }), ...(warning !== undefined && { warning }) };
}

function nodeHealth(node: NodeSnapshot): NodeHealth {
  const { key, endpoint, status, reason, since, ejectedUntil, inFlight, calls, failures, latency } = node;
  return {
    key,
    weight: endpoint.weight,
    ...(endpoint.zone !== undefined && { zone: endpoint.zone }),
    ...(endpoint.priority > 0 && { priority: endpoint.priority }),
    status,
    reason,
    since: since.toISOString(),
    ...(ejectedUntil && { ejectedUntil: ejectedUntil.toISOString() }),
    inFlight,
    calls,
    failures,
    latency: latency === undefined ? null : roundToMicroseconds(latency),
  };
}

function roundToMicroseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000;
}

function roundToMillionths(share: number): number {
  return Math.round(share * 1e6) / 1e6;
}
