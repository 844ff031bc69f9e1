import { endpointKey, type Endpoint } from '../cluster/endpoint.js';
import { describeValue, oneLine } from '../safe-text.js';
import { parseEndpointText } from './endpoint-text.js';
import { canonicalHost, hostProblem, parseHostPort, portProblem } from './host-port.js';
import { parsed, refused, type Parsed } from './parsed.js';

/** What is wrong with one entry of a list of endpoints. */
export interface EndpointProblem {
  /** Its place in the list, from 0. */
  readonly index: number;
  /**
   * `invalid`: it is left out. `duplicate`: it is left out, since an earlier entry is the same node.
   * `unknown-field`: it is used, without that field.
   */
  readonly kind: 'invalid' | 'duplicate' | 'unknown-field';
  /** The field at fault; `undefined` when it is the entry as a whole. */
  readonly field: string | undefined;
  readonly message: string;
}

export interface ValidatedEndpoints {
  /** The usable ones, in order, with nothing in them but known fields. */
  readonly endpoints: readonly Endpoint[];
  readonly problems: readonly EndpointProblem[];
}

/** The largest weight of a DNS SRV record, and its largest priority. */
const MAX_WEIGHT = 65_535;
const MAX_PRIORITY = 65_535;
const MAX_ZONE = 255;
const MAX_METADATA_ENTRIES = 64;
const MAX_METADATA_KEY = 128;
const MAX_METADATA_VALUE = 1_024;
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with the value of each field, if anything. Its keys are the fields that there are. */
const FIELD_PROBLEM: Readonly<Record<keyof Endpoint, (value: unknown) => string | undefined>> = {
  host: hostProblem,
  port: portProblem,
  weight: (value) =>
    typeof value === 'number' && value >= 0 && value <= MAX_WEIGHT
      ? undefined
      : `expected a number from 0 to ${MAX_WEIGHT}, got ${describeValue(value)}`,
  zone: zoneProblem,
  priority: (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_PRIORITY
      ? undefined
      : `expected an integer from 0 to ${MAX_PRIORITY}, got ${describeValue(value)}`,
  draining: (value) =>
    typeof value === 'boolean' ? undefined : `expected true or false, got ${describeValue(value)}`,
  metadata: metadataProblem,
};

/** The fields of an endpoint as users may write them. */
export const ENDPOINT_FIELDS = Object.keys(FIELD_PROBLEM) as readonly (keyof Endpoint)[];

/**
 * Turns a list from a file, a registry or a user's resolver into endpoints: `host:port` strings (with attributes, see
 * `parseEndpointText`), `{ host, port, … }` and `{ address: 'host:port', … }` objects. Never throws on plain data;
 * one bad entry costs only itself.
 */
export function validateEndpoints(entries: readonly unknown[]): ValidatedEndpoints {
  const endpoints: Endpoint[] = [];
  const problems: EndpointProblem[] = [];
  const indexOf = new Map<string, number>();

  for (const [index, entry] of entries.entries()) {
    const fields = toFields(entry);
    if (!fields.ok) {
      problems.push({ index, kind: 'invalid', field: undefined, message: fields.problem });
      continue;
    }
    const invalid = firstInvalid(fields.value);
    if (invalid) {
      problems.push({ index, kind: 'invalid', ...invalid });
      continue;
    }
    const endpoint = toEndpoint(fields.value);
    const key = endpointKey(endpoint);
    const first = indexOf.get(key);
    if (first !== undefined) {
      const message = `${key} is in the list already (#${first}); the first one is used`;
      problems.push({ index, kind: 'duplicate', field: undefined, message });
      continue;
    }
    indexOf.set(key, index);
    endpoints.push(endpoint);
    for (const field of Object.keys(fields.value)) {
      if (Object.hasOwn(FIELD_PROBLEM, field)) continue;
      const message = `unknown field, ignored (known: ${ENDPOINT_FIELDS.join(', ')})`;
      problems.push({ index, kind: 'unknown-field', field: oneLine(field, 40), message });
    }
  }
  return { endpoints, problems };
}

/** Problems in one line: the first few in full, the others as a number. */
export function summarizeProblems(problems: readonly EndpointProblem[], shown = 3): string {
  const lines = problems
    .slice(0, shown)
    .map(({ index, field, message }) => `#${index}${field === undefined ? '' : ` ${field}`}: ${message}`);
  const more = problems.length - lines.length;
  return more > 0 ? `${lines.join('; ')}; and ${more} more` : lines.join('; ');
}

function toFields(entry: unknown): Parsed<Fields> {
  if (typeof entry === 'string') return parseEndpointText(entry);
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return refused(`expected host:port or { host, port }, got ${describeValue(entry)}`);
  }
  if (!Object.hasOwn(entry, 'address')) return parsed(entry as Fields);

  const { address, ...others } = entry as Fields;
  if ('host' in others || 'port' in others)
    return refused('expected either "address" or "host" and "port", got both');
  const hostPort =
    typeof address === 'string' ? parseHostPort(address) : refused(`got ${describeValue(address)}`);
  return hostPort.ok ? parsed({ ...others, ...hostPort.value }) : refused(`address: ${hostPort.problem}`);
}

function firstInvalid(fields: Fields): { field: string; message: string } | undefined {
  for (const field of ENDPOINT_FIELDS) {
    const value = fields[field];
    if (value === undefined && field !== 'host' && field !== 'port') continue;
    const message = FIELD_PROBLEM[field](value);
    if (message !== undefined) return { field, message };
  }
  return undefined;
}

/** The fields have been checked. Assigned one by one: spreading costs twice the rest with ten thousand nodes. */
function toEndpoint(fields: Fields): Endpoint {
  const { host, port, weight, zone, priority, draining, metadata } = fields as unknown as Endpoint;
  const endpoint: Endpoint = { host: canonicalHost(host), port };
  if (weight !== undefined) endpoint.weight = weight;
  if (zone !== undefined) endpoint.zone = zone;
  if (priority !== undefined) endpoint.priority = priority;
  if (draining !== undefined) endpoint.draining = draining;
  if (metadata !== undefined) endpoint.metadata = { ...metadata };
  return endpoint;
}

function metadataProblem(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    return `expected an object of strings, got ${describeValue(metadata)}`;
  }
  const entries = Object.entries(metadata);
  if (entries.length > MAX_METADATA_ENTRIES) {
    return `expected at most ${MAX_METADATA_ENTRIES} entries, got ${entries.length}`;
  }
  for (const [key, value] of entries) {
    if (key === '' || key.length > MAX_METADATA_KEY || PROTOTYPE_KEYS.has(key)) {
      return `not a name for an entry: ${describeValue(key)}`;
    }
    if (typeof value !== 'string')
      return `expected a string as ${describeValue(key)}, got ${describeValue(value)}`;
    if (value.length > MAX_METADATA_VALUE) {
      return `expected at most ${MAX_METADATA_VALUE} characters as ${describeValue(key)}, got ${value.length}`;
    }
  }
  return undefined;
}

/** What is wrong with the name of a zone, if anything. */
export function zoneProblem(value: unknown): string | undefined {
  if (typeof value === 'string' && value.length >= 1 && value.length <= MAX_ZONE) return undefined;
  return `expected a string of 1 to ${MAX_ZONE} characters, got ${describeValue(value)}`;
}
