import { describeValue } from '../../safe-text.js';
import { parseHostPort, type HostPort } from '../host-port.js';
import { parsed, refused, type Parsed } from '../parsed.js';
import type { Target } from '../resolver.js';
import { unknownParamProblem } from '../target.js';

const DEFAULT_PORT = 2_379;
/** Milliseconds; etcd itself takes no lease below a few election timeouts for granted. */
const MIN_TTL = 2_000;
const MAX_TTL = 3_600_000;
const DEFAULT_TTL = 10_000;

/** What an `etcd://` target says. */
export interface EtcdTarget {
  readonly endpoints: readonly HostPort[];
  /** Without a slash at its end; empty when the target names none. */
  readonly path: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** `undefined` when the target does not say. */
  readonly tls: boolean | undefined;
  /** Paths of PEM files. */
  readonly files: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Seconds that a registration outlives its provider: what etcd counts in. */
  readonly ttl: number;
}

const RESOLVER_PARAMS = ['tls', 'ca', 'cert', 'key'];
const FILE_PARAMS = ['ca', 'cert', 'key'] as const;

/** What is wrong with a target that nodes are to be found at. */
export function etcdResolverProblem(target: Target): string | undefined {
  const etcd = parseEtcdTarget(target);
  if (!etcd.ok) return etcd.problem;
  if (etcd.value.path === '')
    return 'expected the path of the service after the endpoints (etcd://10.0.0.9:2379/orders)';
  return unknownParamProblem(target, RESOLVER_PARAMS);
}

/** What is wrong with a target to register with. */
export function etcdRegistrarProblem(target: Target): string | undefined {
  const etcd = parseEtcdTarget(target);
  return etcd.ok ? unknownParamProblem(target, [...RESOLVER_PARAMS, 'ttl']) : etcd.problem;
}

/** Takes a target apart: `etcd://user:password@10.0.0.9:2379,10.0.0.10:2379/shop/orders?tls=true`. */
export function parseEtcdTarget({ authority, path, params }: Target): Parsed<EtcdTarget> {
  const at = authority.lastIndexOf('@');
  const credentials = parseUserInfo(at < 0 ? undefined : authority.slice(0, at));
  if (!credentials.ok) return credentials;
  const endpoints = parseEndpoints(authority.slice(at + 1));
  if (!endpoints.ok) return endpoints;

  const { tls, ttl = String(DEFAULT_TTL) } = params;
  if (tls !== undefined && tls !== 'true' && tls !== 'false')
    return refused(`tls: expected true or false, got ${describeValue(tls)}`);
  const files: { ca?: string; cert?: string; key?: string } = {};
  for (const name of FILE_PARAMS) {
    const file = params[name];
    if (file === undefined) continue;
    if (file === '') return refused(`${name}: expected the path of a PEM file, got nothing`);
    if (tls === 'false') return refused(`${name}: has no meaning with tls=false`);
    files[name] = file;
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    return refused('a client certificate needs both cert and key');
  if (!/^\d{1,7}$/.test(ttl) || Number(ttl) < MIN_TTL || Number(ttl) > MAX_TTL)
    return refused(
      `ttl: expected an integer from ${MIN_TTL} to ${MAX_TTL} (milliseconds), got ${describeValue(ttl)}`,
    );
  return parsed({
    endpoints: endpoints.value,
    path: path.replace(/\/+$/, ''),
    ...credentials.value,
    tls: tls === undefined ? undefined : tls === 'true',
    files,
    ttl: Math.ceil(Number(ttl) / 1_000),
  });
}

function parseEndpoints(text: string): Parsed<HostPort[]> {
  if (text === '') return refused('expected at least one endpoint (etcd://10.0.0.9:2379/orders)');
  const endpoints: HostPort[] = [];
  for (const entry of text.split(',')) {
    const endpoint = entry.trim();
    const lacksPort = /^\[.*\]$|^[^:]+$/.test(endpoint);
    const hostPort = parseHostPort(lacksPort ? `${endpoint}:${DEFAULT_PORT}` : endpoint);
    if (!hostPort.ok) return hostPort;
    endpoints.push(hostPort.value);
  }
  return parsed(endpoints);
}

/** No message of these repeats what was given: it is a secret. */
function parseUserInfo(
  text: string | undefined,
): Parsed<{ username: string | undefined; password: string | undefined }> {
  if (text === undefined) return parsed({ username: undefined, password: undefined });
  const colon = text.indexOf(':');
  if (colon < 1) return refused('expected user:password before the @');
  try {
    return parsed({
      username: decodeURIComponent(text.slice(0, colon)),
      password: decodeURIComponent(text.slice(colon + 1)),
    });
  } catch {
    return refused('in user and password, "%" must be followed by two hexadecimal digits (write % as %25)');
  }
}
