import type { LoadReport } from './reply-trailer.js';
import { parseLoadReport } from './reply-trailer.js';

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

/**
 * What a probe carries as its data: the version that the client speaks, and what it understands on this connection from
 * now on. `trailer`: replies may carry one, and the server may send notices of its own accord (see `reply-trailer.ts`).
 */
export interface ProbeRequest {
  readonly lb: number;
  readonly accept?: readonly string[];
}

/** Of a client that reads plain Nest replies, such as one with a deserializer of the user's. */
export const PLAIN_PROBE: ProbeRequest = Object.freeze({ lb: PROTOCOL_VERSION });
export const TRAILER = 'trailer';
/** The server stops to work on what is cancelled. */
export const CANCEL = 'cancel';
export const PROBE_REQUEST: ProbeRequest = Object.freeze({
  lb: PROTOCOL_VERSION,
  accept: Object.freeze([TRAILER]),
});

/**
 * The event that tells a server of ours (feature `cancel`) that nobody waits any more for the request of this connection
 * whose id is its data. Never sent to a stock server, which would log it as an error.
 */
export const CANCEL_PATTERN = Object.freeze({ 'nestjs-load-balancer': 'cancel' });
export const CANCEL_ROUTE = JSON.stringify(CANCEL_PATTERN);

/** Longest name of a service that is believed; DNS names end at 253 characters. */
const MAX_SERVICE_LENGTH = 253;
const MAX_FEATURES = 64;
/** Handlers beyond these, and routes longer than this, count as not marked. */
const MAX_ROUTES = 10_000;
const MAX_ROUTE_LENGTH = 4_096;
const FEATURE = /^[a-z][a-z0-9-]{0,63}$/;

/** What our server answers to the reserved pattern: the `response` of an ordinary Nest reply. */
export interface ProbeAnswer {
  /** The protocol's version. */
  lb: number;
  /** The service's name, as its operator gave it. */
  service?: string;
  /** What the server understands beyond plain Nest: `context`, `cancel`, `drain`, `trailer`. */
  features: readonly string[];
  /** It is about to stop and wants nothing new. */
  draining?: true;
  load?: LoadReport;
  /** The routes of its handlers that are marked `@Idempotent()`: in the first answer of each connection only. */
  idempotent?: readonly string[];
}

/** What a client knows of a provider that runs our server. */
export interface ServerCapabilities {
  readonly version: number;
  readonly service: string | undefined;
  readonly features: ReadonlySet<string>;
  readonly draining: boolean;
  readonly load: LoadReport | undefined;
  /** Routes, as Nest makes them of patterns; `undefined` when this answer does not tell. */
  readonly idempotent: ReadonlySet<string> | undefined;
}

/** The answer of a server that can do `features`. */
export function probeAnswer(
  service: string | undefined,
  features: readonly string[],
  state: Pick<ProbeAnswer, 'draining' | 'load' | 'idempotent'> = {},
): ProbeAnswer {
  return { lb: PROTOCOL_VERSION, ...(service === undefined ? {} : { service }), features, ...state };
}

/** Does the client that sent this probe understand trailers and notices? The data of a probe is untrusted. */
export function acceptsTrailers(request: unknown): boolean {
  if (typeof request !== 'object' || request === null) return false;
  const { accept } = request as Record<string, unknown>;
  return Array.isArray(accept) && accept.length <= MAX_FEATURES && accept.includes(TRAILER);
}

/**
 * Reads the response to the reserved pattern. It is untrusted: `undefined` for whatever is not an answer of
 * ours; a part of an answer that makes no sense is left out.
 */
export function parseProbeAnswer(response: unknown): ServerCapabilities | undefined {
  if (typeof response !== 'object' || response === null) return undefined;
  const { lb, service, features, draining, load, idempotent } = response as Record<string, unknown>;
  if (typeof lb !== 'number' || !Number.isSafeInteger(lb) || lb < PROTOCOL_VERSION) return undefined;
  return {
    version: lb,
    service: isServiceName(service) ? service : undefined,
    features: new Set(Array.isArray(features) ? features.slice(0, MAX_FEATURES).filter(isFeature) : []),
    draining: draining === true,
    load: parseLoadReport(load),
    idempotent: Array.isArray(idempotent)
      ? new Set(idempotent.slice(0, MAX_ROUTES).filter(isRoute))
      : undefined,
  };
}

/** May it name a service: visible characters, no control characters, not endless? */
export function isServiceName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_SERVICE_LENGTH && /^[^\p{C}\p{Z}]+$/u.test(value);
}

function isRoute(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_ROUTE_LENGTH;
}

function isFeature(value: unknown): value is string {
  return typeof value === 'string' && FEATURE.test(value);
}
