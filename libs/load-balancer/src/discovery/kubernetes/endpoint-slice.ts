import { isIPv4, isIPv6 } from 'node:net';
import type { Endpoint } from '../../cluster/endpoint.js';
import { describeValue } from '../../safe-text.js';
import { parsed, refused, type Parsed } from '../parsed.js';
import type { AddressFamily } from './kubernetes-target.js';

/** One address of one pod, or of whatever else stands behind a service. */
export interface SliceEndpoint {
  readonly node: Endpoint;
  /** The uid of the pod: the same in the slices of both address families. */
  readonly uid: string | undefined;
}

/** What a resolver needs of one EndpointSlice. */
export interface Slice {
  readonly name: string;
  /** `undefined` for `FQDN`, which is deprecated and has no defined meaning: such a slice gives no nodes. */
  readonly family: AddressFamily | undefined;
  /** Those that are ready, or terminating and still serving. */
  readonly endpoints: readonly SliceEndpoint[];
  /** How many are left out since they are not ready. */
  readonly notReady: number;
  /** Its TCP ports, for messages: `tcp (4001)`. */
  readonly ports: readonly string[];
  readonly hasPort: boolean;
  /** The first of its endpoints that cannot be used, and why. */
  readonly problem: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Its metadata, if it is an object of Kubernetes at all. */
export function metadataOf(object: unknown): { name?: string; resourceVersion?: string } | undefined {
  const metadata = isObject(object) ? object.metadata : undefined;
  if (!isObject(metadata)) return undefined;
  const { name, resourceVersion } = metadata;
  return {
    ...(isText(name) && { name }),
    ...(isText(resourceVersion) && { resourceVersion }),
  };
}

/**
 * Reads an EndpointSlice (discovery.k8s.io/v1). One endpoint that is malformed costs only itself; a slice without a name, an
 * address type or a list of endpoints is refused.
 *
 * @param wanted the name of a port, or the number that the pods listen on
 */
export function readSlice(object: unknown, wanted: string | number): Parsed<Slice> {
  const name = metadataOf(object)?.name;
  if (!isObject(object) || name === undefined) {
    return refused(`expected an EndpointSlice with a name, got ${describeValue(object)}`);
  }
  // Kubernetes writes an empty list as null.
  const endpoints = object.endpoints ?? [];
  const ports = object.ports ?? [];
  if (!Array.isArray(endpoints)) {
    return refused(`${name}: endpoints: expected a list, got ${describeValue(endpoints)}`);
  }
  if (!Array.isArray(ports)) return refused(`${name}: ports: expected a list, got ${describeValue(ports)}`);
  const { addressType } = object;
  if (addressType !== 'IPv4' && addressType !== 'IPv6' && addressType !== 'FQDN') {
    return refused(`${name}: addressType: expected IPv4, IPv6 or FQDN, got ${describeValue(addressType)}`);
  }

  const tcpPorts = ports.filter(isObject).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  const port = portNumber(tcpPorts, wanted);
  const family = addressType === 'FQDN' ? undefined : addressType;
  const read = family && port !== undefined ? readEndpoints(name, endpoints, family, port) : NOTHING;
  return parsed({
    name,
    family,
    ports: tcpPorts.map(describePort),
    hasPort: port !== undefined,
    ...read,
  });
}

/**
 * The number to connect to. A service without a list of ports (a headless one) and an entry without a number ("all ports")
 * take the number that the target has.
 */
function portNumber(ports: readonly Fields[], wanted: string | number): number | undefined {
  if (typeof wanted === 'number') {
    const offered =
      ports.length === 0 || ports.some(({ port }) => port === undefined || port === null || port === wanted);
    return offered ? wanted : undefined;
  }
  const port = ports.find(({ name }) => name === wanted)?.port;
  return typeof port === 'number' ? port : undefined;
}

const NOTHING = { endpoints: [], notReady: 0, problem: undefined };

function readEndpoints(
  slice: string,
  list: readonly unknown[],
  family: AddressFamily,
  port: number,
): Pick<Slice, 'endpoints' | 'notReady' | 'problem'> {
  const isAddress = family === 'IPv4' ? isIPv4 : isIPv6;
  const endpoints: SliceEndpoint[] = [];
  let notReady = 0;
  let problem: string | undefined;
  for (const [index, entry] of list.entries()) {
    // No semantics are defined for further addresses, and kube-proxy does not look at them either.
    const host: unknown = isObject(entry) && Array.isArray(entry.addresses) ? entry.addresses[0] : undefined;
    if (!isObject(entry) || typeof host !== 'string' || !isAddress(host)) {
      problem ??= `${slice}: endpoint #${index}: expected an ${family} address, got ${describeValue(host)}`;
      continue;
    }
    const state = stateOf(entry.conditions);
    if (state === 'not-ready') notReady++;
    else endpoints.push(toSliceEndpoint(entry, host, port, state === 'draining'));
  }
  return { endpoints, notReady, problem };
}

/**
 * As the API defines the conditions: `ready` and `serving` are true, and `terminating` is false, unless they say otherwise.
 * One that is terminating finishes what it has for as long as it serves, even where `publishNotReadyAddresses` calls it ready.
 */
function stateOf(conditions: unknown): 'ready' | 'draining' | 'not-ready' {
  const { ready, serving, terminating } = isObject(conditions) ? conditions : ({} as Fields);
  if (terminating === true) return serving === false ? 'not-ready' : 'draining';
  return ready === false ? 'not-ready' : 'ready';
}

function toSliceEndpoint(entry: Fields, host: string, port: number, draining: boolean): SliceEndpoint {
  const target = isObject(entry.targetRef) ? entry.targetRef : undefined;
  const metadata: Record<string, string> = {};
  if (target?.kind === 'Pod' && isText(target.name)) metadata.pod = target.name;
  if (isText(entry.nodeName)) metadata.node = entry.nodeName;
  const node: Endpoint = { host, port, metadata };
  if (isText(entry.zone)) node.zone = entry.zone;
  if (draining) node.draining = true;
  return { node, uid: isText(target?.uid) ? target.uid : undefined };
}

function describePort({ name, port }: Fields): string {
  const number = typeof port === 'number' ? String(port) : 'all';
  return isText(name) ? `${name} (${number})` : number;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
