/**
 * Where one node of a service listens, as users and registries write it.
 *
 * @example
 * ```ts
 * { host: '10.0.0.1', port: 4001, weight: 2, zone: 'eu-1a', metadata: { version: '1.4.0' } }
 * ```
 */
export interface Endpoint {
  /** A host name, an IPv4 or an IPv6 address (without brackets). */
  host: string;
  /** 1–65 535 */
  port: number;
  /**
   * Its share of the calls relative to the others, 0–65 535; 1 by default. All strategies go by it but `round-robin`,
   * `random`, `pick-first` and, where servers report their load, `least-loaded`. 0 means no calls, with any strategy.
   */
  weight?: number;
  /** Where it stands, for locality-aware choices. */
  zone?: string;
  /** 0–65 535; 0, the default, is the highest. Lower ones are used when too few nodes of those before them are healthy. */
  priority?: number;
  /** It finishes what it has and wants nothing new. */
  draining?: boolean;
  /** Free-form labels (version, tags …) that `nodes()`, `/health` and strategies can read. */
  metadata?: Readonly<Record<string, string>>;
}

/** An endpoint with every default filled in. */
export interface ResolvedEndpoint {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly zone: string | undefined;
  /** Of several targets, the nodes of the second begin at 65 536, those of the third at 131 072, and so on. */
  readonly priority: number;
  readonly draining: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

/** Fills in the defaults. The input has been validated before. */
export function resolveEndpoint(endpoint: Endpoint): ResolvedEndpoint {
  return {
    host: endpoint.host,
    port: endpoint.port,
    weight: endpoint.weight ?? 1,
    zone: endpoint.zone,
    priority: endpoint.priority ?? 0,
    draining: endpoint.draining ?? false,
    metadata: endpoint.metadata ?? NO_METADATA,
  };
}

/** The identity of an endpoint: `host:port`, with brackets round an IPv6 address. */
export function endpointKey(endpoint: Pick<Endpoint, 'host' | 'port'>): string {
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}
