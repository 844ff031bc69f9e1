import type { Endpoint } from '../../cluster/endpoint.js';
import { endpointKey } from '../../cluster/endpoint.js';
import { validateEndpoints } from '../endpoint-validation.js';
import { parsed, refused, type Parsed } from '../parsed.js';
import type { Registration } from '../registrar.js';

/** Bytes; one with 64 labels at their longest stays below. What is longer is some other value. */
const MAX_VALUE = 128 * 1024;

/**
 * The value of one key, as it is documented for other languages:
 * `{ "address": "10.0.0.1:4001", "weight": 1, "zone": "a", "priority": 0, "version": "1.4.0", "metadata": { … },
 * "draining": false }`. Only the address is needed.
 */
export function encodeNode(registration: Registration): string {
  const { weight, zone, priority, draining, version, metadata } = registration;
  return JSON.stringify({
    address: endpointKey(registration),
    weight,
    zone,
    priority,
    draining,
    version,
    metadata,
  });
}

/** Reads a value, untrusted. Fields that it does not know are for versions to come, and are no problem. */
export function decodeNode(value: Uint8Array): Parsed<Endpoint> {
  if (value.length > MAX_VALUE) return refused(`${value.length} bytes long (at most ${MAX_VALUE})`);
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return refused('not JSON text');
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return refused('expected a JSON object with an "address"');
  if (!Object.hasOwn(fields, 'address')) return refused('"address" is missing');

  const { address, weight, zone, priority, draining, version, metadata } = fields as Record<string, unknown>;
  const { endpoints, problems } = validateEndpoints([
    { address, ...given({ weight, zone, priority, draining, metadata: labels(metadata, version) }) },
  ]);
  const [endpoint] = endpoints;
  if (endpoint) return parsed(endpoint);
  const [problem] = problems;
  return refused(
    problem?.field === undefined ? (problem?.message ?? 'unusable') : `${problem.field}: ${problem.message}`,
  );
}

/** The version is shown as a label; one among the metadata comes first. */
function labels(metadata: unknown, version: unknown): unknown {
  if (version === undefined || version === null) return metadata;
  if (metadata === undefined || metadata === null) return { version };
  return typeof metadata === 'object' && !Array.isArray(metadata) ? { version, ...metadata } : metadata;
}

/** `null` is how other languages write what is not there. */
function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}
