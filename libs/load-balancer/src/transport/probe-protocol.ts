/**
 * The reserved pattern. A request to it proves that a provider is alive: a stock Nest server answers that it
 * has no such handler, ours answers with what it can do.
 *
 * An object and not a plain string, since a stock server spends 13–15 µs on each of those (its `JSON.parse`
 * throws). The package's name as the key keeps it apart from patterns of users.
 */
export const PROBE_PATTERN = Object.freeze({ 'nestjs-load-balancer': 'probe' });

/** The route that Nest makes of `PROBE_PATTERN`, and its JSON text. */
export const PROBE_ROUTE = JSON.stringify(PROBE_PATTERN);

/**
 * The protocol's version. What is added later are features: only a change that old clients misread would raise
 * it.
 */
const PROTOCOL_VERSION = 1;

/** What a probe carries as its data: the version that the client speaks. */
export const PROBE_REQUEST = Object.freeze({ lb: PROTOCOL_VERSION });

/** Longest name of a service that is believed; DNS names end at 253 characters. */
const MAX_SERVICE_LENGTH = 253;
const MAX_FEATURES = 64;
const FEATURE = /^[a-z][a-z0-9-]{0,63}$/;

/** What our server answers to the reserved pattern: the `response` of an ordinary Nest reply. */
export interface ProbeAnswer {
  /** The protocol's version. */
  lb: number;
  /** The service's name, as its operator gave it. */
  service?: string;
  /** What the server understands beyond plain Nest, such as `context`. */
  features: readonly string[];
}

/** What a client knows of a provider that runs our server. */
export interface ServerCapabilities {
  readonly version: number;
  readonly service: string | undefined;
  readonly features: ReadonlySet<string>;
}

/** The answer of a server that can do `features`. */
export function probeAnswer(service: string | undefined, features: readonly string[]): ProbeAnswer {
  return { lb: PROTOCOL_VERSION, ...(service === undefined ? {} : { service }), features };
}

/**
 * Reads the response to the reserved pattern. It is untrusted: `undefined` for whatever is not an answer of
 * ours; a part of an answer that makes no sense is left out.
 */
export function parseProbeAnswer(response: unknown): ServerCapabilities | undefined {
  if (typeof response !== 'object' || response === null) return undefined;
  const { lb, service, features } = response as Record<string, unknown>;
  if (typeof lb !== 'number' || !Number.isSafeInteger(lb) || lb < PROTOCOL_VERSION) return undefined;
  return {
    version: lb,
    service: isServiceName(service) ? service : undefined,
    features: new Set(Array.isArray(features) ? features.slice(0, MAX_FEATURES).filter(isFeature) : []),
  };
}

/** May it name a service: visible characters, no control characters, not endless? */
export function isServiceName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_SERVICE_LENGTH && /^[^\p{C}\p{Z}]+$/u.test(value);
}

function isFeature(value: unknown): value is string {
  return typeof value === 'string' && FEATURE.test(value);
}
