import type { DryRunCounts } from '../strategies/dry-run.js';
import type { LoadReport } from '../strategies/load-report.js';
import type { DryEjectionReport } from './ejection/dry-ejection.js';
import type { ResolvedEndpoint } from './endpoint.js';

export type { LoadReport };

/**
 * Where a node stands. In order of precedence: discovery and the server itself (`draining`), connection (`idle`, `connecting`,
 * `disconnected`), probe (`unhealthy`), ejection (`ejected`); a node that passes them all is `ready`.
 */
export type NodeStatus =
  /** Takes calls. */
  | 'ready'
  /** Known, not connected yet: the first call that picks it opens the connection. */
  | 'idle'
  /** Being connected (or probed) for the first time; calls wait for it when there is nobody else. */
  | 'connecting'
  /** Its connection was refused or lost; it is tried again. */
  | 'disconnected'
  /** Connected, but its probes fail. */
  | 'unhealthy'
  /** Taken out because of how its calls ended; when its time is over, one call tries it. */
  | 'ejected'
  /** Finishes what it has, takes nothing new. */
  | 'draining';

/** One node, as `nodes()` and `/health` show it. */
export interface NodeSnapshot {
  /** `host:port` */
  readonly key: string;
  readonly endpoint: ResolvedEndpoint;
  readonly status: NodeStatus;
  /** Why, in a few words: `connect ECONNREFUSED 127.0.0.1:4001`. */
  readonly reason: string;
  /** Since when it has had this status (wall clock). */
  readonly since: Date;
  /** Once it is ejected: when a call may try it (wall clock). */
  readonly ejectedUntil: Date | undefined;
  /** Calls on it that have not been answered. */
  readonly inFlight: number;
  /** Attempts since the node has been known. */
  readonly calls: number;
  /**
   * Attempts that were refused, rejected, lost or timed out. One that timed out before it was sent, in the middle of a
   * stream, or while this process was blocked is not the node's failure.
   */
  readonly failures: number;
  /** Moving average of its latency in milliseconds; `undefined` before its first answer. */
  readonly latency: number | undefined;
  /** What its server last said of its load; `undefined` for a stock server. */
  readonly load: LoadReport | undefined;
}

/** Where calls go: nodes of one priority, or of one zone of it. */
export interface PlaceSnapshot {
  readonly priority: number;
  /** `undefined` where zones do not matter; `''` for nodes that do not tell theirs. */
  readonly zone: string | undefined;
  /** Share of the calls (0–1) that goes there now; calls that are tried again may leave it. */
  readonly share: number;
  /** Nodes there that calls can go to now. */
  readonly nodes: number;
}

/** State of the stream of endpoints of one target. */
export interface TargetSnapshot {
  /** The target, safe to log. */
  readonly target: string;
  readonly state: 'starting' | 'ok' | 'failing';
  /** When it last gave a usable set, or confirmed the one it gave (wall clock). */
  readonly lastSuccess: Date | undefined;
  /** Milliseconds since then; `undefined` before, 0 for a fixed list, which does not age. */
  readonly age: number | undefined;
  /** What is wrong, while it is failing. */
  readonly error: string | undefined;
  /** What of the last usable set could not be used, or is missing. */
  readonly warning: string | undefined;
  /** Nodes of the last usable set. */
  readonly nodes: number;
}

/** Where the nodes of one service come from. Of several targets it tells the worst state, the latest success, each error and each warning. */
export interface DiscoverySnapshot extends Omit<TargetSnapshot, 'nodes'> {
  /** Each target, in their order of fallback. */
  readonly targets: readonly TargetSnapshot[];
}

/** What would have been decided otherwise, as `dryRun` asks. */
export interface DryRunSnapshot {
  /** How often its strategy has named the same node as the one that acts, and how often another one. */
  readonly strategy: ({ readonly name: string } & DryRunCounts) | undefined;
  /** What its ejection policy would have done. */
  readonly outlierDetection: DryEjectionReport | undefined;
}

/** One service, as `/health` shows it. */
export interface ServiceSnapshot {
  readonly name: string;
  /**
   * `down`: fewer ready nodes than `minReady`; in panic, ejected nodes that are used count as well, since their connections
   * and probes are in order. `degraded`: enough, but not all are ready, or discovery fails.
   */
  readonly status: 'up' | 'degraded' | 'down';
  /** Nodes that calls can go to now: `ready` ones, and `idle` ones, which their first call connects. */
  readonly ready: number;
  readonly total: number;
  /** Nodes that discovery lists: more than `total` where only a `subset` of them is used. */
  readonly known: number;
  readonly minReady: number;
  /** Health is ignored, since fewer nodes (of some priority) than the panic threshold are healthy. */
  readonly panic: boolean;
  /** Where calls go by priority and zone: one entry where neither matters, none without a node to call. */
  readonly places: readonly PlaceSnapshot[];
  readonly discovery: DiscoverySnapshot;
  readonly nodes: readonly NodeSnapshot[];
  /** `undefined` unless the service has a `dryRun`. */
  readonly dryRun?: DryRunSnapshot | undefined;
}
