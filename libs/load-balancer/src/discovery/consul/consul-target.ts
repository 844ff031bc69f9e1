import { describeValue, oneLine } from '../../safe-text.js';
import { parseHostPort, type HostPort } from '../host-port.js';
import { parsed, problemsOf, refused, type Parsed } from '../parsed.js';
import type { Target } from '../resolver.js';
import { unknownParamProblem } from '../target.js';

/** Consul's own default for its HTTP API. */
const DEFAULT_PORT = 8_500;

/** Milliseconds that a query may wait for news. Consul takes up to ten minutes. */
const DEFAULT_WAIT = 30_000;
const MIN_WAIT = 1_000;
const MAX_WAIT = 600_000;

/** Milliseconds for which the registry trusts a registration of which it hears nothing. */
const DEFAULT_TTL = 10_000;
const MIN_TTL = 1_000;
const MAX_TTL = 3_600_000;

/** Which agent to ask, and with what: the same for consumers and providers. */
export interface ConsulAccess {
  /** `undefined` when the environment is to say it. */
  readonly address: HostPort | undefined;
  readonly token: string | undefined;
  /** `undefined` when the environment is to say it. */
  readonly tls: boolean | undefined;
}

/** `consul://host:port/service?tag=&dc=&near=&warning=&wait=&tls=&token=` */
export interface ConsulTarget extends ConsulAccess {
  readonly service: string;
  /** Only instances with all of these. */
  readonly tags: readonly string[];
  readonly dc: string | undefined;
  readonly near: string | undefined;
  /** Are instances in the state "warning" called, too? */
  readonly warning: boolean;
  /** Milliseconds. */
  readonly wait: number;
}

/** `consul://host:port/service?tag=&check=&ttl=&tls=&token=` */
export interface ConsulRegistrationTarget extends ConsulAccess {
  /** `undefined` when it is the one that the registration names. */
  readonly service: string | undefined;
  readonly tags: readonly string[];
  readonly check: 'ttl' | 'tcp';
  /** Milliseconds. */
  readonly ttl: number;
}

/** What a consumer's target says, or what is wrong with it. */
export function parseConsulTarget(target: Target): Parsed<ConsulTarget> {
  const { path, params } = target;
  const address = parseAddress(target.authority);
  if (!address.ok) return address;
  const problem = problemsOf(
    unknownParamProblem(target, ['tag', 'dc', 'near', 'warning', 'wait', 'tls', 'token']),
    path === '' ? 'expected the name of a service (consul://127.0.0.1:8500/orders)' : undefined,
    serviceProblem(path),
    emptyProblem(params) ??
      problemsOf(
        tagsProblem(params.tag),
        choiceProblem('warning', params.warning, ['true', 'false']),
        rangeProblem('wait', params.wait, MIN_WAIT, MAX_WAIT),
        choiceProblem('tls', params.tls, ['true', 'false']),
      ),
  );
  if (problem !== undefined) return refused(problem);
  return parsed({
    ...accessOf(address.value, params),
    service: path,
    tags: tagsOf(params.tag),
    dc: params.dc,
    near: params.near,
    warning: params.warning === 'true',
    wait: Number(params.wait ?? DEFAULT_WAIT),
  });
}

/** What a provider's target says, or what is wrong with it. */
export function parseConsulRegistrationTarget(target: Target): Parsed<ConsulRegistrationTarget> {
  const { path, params } = target;
  const address = parseAddress(target.authority);
  if (!address.ok) return address;
  const problem = problemsOf(
    unknownParamProblem(target, ['tag', 'check', 'ttl', 'tls', 'token']),
    serviceProblem(path),
    emptyProblem(params) ??
      problemsOf(
        tagsProblem(params.tag),
        choiceProblem('check', params.check, ['ttl', 'tcp']),
        rangeProblem('ttl', params.ttl, MIN_TTL, MAX_TTL),
        choiceProblem('tls', params.tls, ['true', 'false']),
      ),
  );
  if (problem !== undefined) return refused(problem);
  return parsed({
    ...accessOf(address.value, params),
    service: path === '' ? undefined : path,
    tags: tagsOf(params.tag),
    check: params.check === 'tcp' ? 'tcp' : 'ttl',
    ttl: Number(params.ttl ?? DEFAULT_TTL),
  });
}

/** What is wrong with a consumer's target. Here, since it is asked before Consul's client is loaded. */
export function consulTargetProblem(target: Target): string | undefined {
  const result = parseConsulTarget(target);
  return result.ok ? undefined : result.problem;
}

/** What is wrong with a provider's target. */
export function consulRegistrationProblem(target: Target): string | undefined {
  const result = parseConsulRegistrationTarget(target);
  return result.ok ? undefined : result.problem;
}

/** `host:port`, or `host` with Consul's port; `undefined` for nothing. */
export function parseAddress(text: string): Parsed<HostPort | undefined> {
  if (text === '') return parsed(undefined);
  if (text.includes('@')) return refused('expected no user before the host; a token is given as ?token=');
  if (text.includes(',')) return refused('expected one agent; several are given as a list of targets');
  const hasPort = text.includes(text.startsWith('[') ? ']:' : ':');
  return parseHostPort(hasPort ? text : `${text}:${DEFAULT_PORT}`);
}

function accessOf(address: HostPort | undefined, params: Target['params']): ConsulAccess {
  return {
    address,
    token: params.token,
    tls: params.tls === undefined ? undefined : params.tls === 'true',
  };
}

function tagsOf(tag: string | undefined): readonly string[] {
  return tag === undefined ? [] : tag.split(',').map((part) => part.trim());
}

function serviceProblem(path: string): string | undefined {
  return path.includes('/')
    ? `expected the name of a service after the address, got ${describeValue(path)}`
    : undefined;
}

/** No parameter means something without a value: to leave it out says the same, and says it clearly. */
function emptyProblem(params: Target['params']): string | undefined {
  const empty = Object.keys(params).find((name) => params[name]?.trim() === '');
  return empty === undefined ? undefined : `${empty}: expected a value, got nothing`;
}

function tagsProblem(tag: string | undefined): string | undefined {
  return tagsOf(tag).includes('') ? `tag: expected tags with commas between them, got "${tag}"` : undefined;
}

function choiceProblem(name: string, value: string | undefined, choices: string[]): string | undefined {
  if (value === undefined || choices.includes(value)) return undefined;
  return `${name}: expected ${choices.join(' or ')}, got ${describeValue(value)}`;
}

function rangeProblem(name: string, value: string | undefined, min: number, max: number): string | undefined {
  if (value === undefined) return undefined;
  const inRange = /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max;
  return inRange
    ? undefined
    : `${name}: expected an integer from ${min} to ${max} (milliseconds), got "${oneLine(value, 40)}"`;
}
