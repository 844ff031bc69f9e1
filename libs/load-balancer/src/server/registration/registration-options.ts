import type { Endpoint } from '../../cluster/endpoint.js';
import { validateEndpoints } from '../../discovery/endpoint-validation.js';
import type { Registrar } from '../../discovery/registrar.js';
import { RegistrarRegistry, type RegistrarSource } from '../../discovery/registrar-registry.js';
import {
  anything,
  having,
  isObject,
  list,
  pathTo,
  section,
  type Check,
  type Report,
} from '../../module/validation/schema.js';
import { describeValue } from '../../safe-text.js';
import { parseAdvertise } from './advertised-address.js';

/** What a provider tells of itself, and where. */
export interface RegisterOptions {
  /** Where to register: `etcd://10.0.0.9:2379/orders`; in each of several. */
  target: string | string[];
  /**
   * `host` or `host:port` under which consumers reach it. By default the address it listens on; when that is all of them
   * (`0.0.0.0`), the one from which this machine speaks to the registry. The port is that it listens on.
   */
  advertise?: string;
  /** Its share of the calls relative to the others, 0–65 535; 1 by default. */
  weight?: number;
  /** Where it stands, for locality-aware choices. */
  zone?: string;
  /** 0–65 535; 0, the default, is the highest. */
  priority?: number;
  /** Shown to consumers as `version` among its metadata. */
  version?: string;
  /** Free-form labels. */
  metadata?: Readonly<Record<string, string>>;
  /** Milliseconds that the registration outlives a provider that dies; as `?ttl=` in the target, which comes first. */
  ttl?: number;
}

/** Where to register, and what with: a target, several, or all that there is to say. */
export type Register = string | string[] | RegisterOptions;

const MAX_VERSION = 128;

/** One field of the endpoint that will be told, by the rules that consumers hold it to. */
function endpointField(field: keyof Endpoint): Check {
  return (value, path, report) => {
    const { problems } = validateEndpoints([{ host: 'localhost', port: 1, [field]: value }]);
    for (const { message } of problems) report(path, message);
  };
}

const advertise: Check = (value, path, report) => {
  if (typeof value !== 'string') {
    report(path, `expected host or host:port, got ${describeValue(value)}`);
    return;
  }
  const address = parseAdvertise(value);
  if (!address.ok) report(path, address.problem);
};

const version: Check = (value, path, report) => {
  if (typeof value !== 'string' || value === '' || value.length > MAX_VERSION)
    report(path, `expected a string of 1 to ${MAX_VERSION} characters, got ${describeValue(value)}`);
};

const ttl: Check = (value, path, report) => {
  if (!Number.isInteger(value) || (value as number) < 1)
    report(path, `expected an integer ≥ 1 (milliseconds), got ${describeValue(value)}`);
};

const registerOptions = section<RegisterOptions>(
  {
    target: anything,
    advertise,
    weight: endpointField('weight'),
    zone: endpointField('zone'),
    priority: endpointField('priority'),
    version,
    metadata: endpointField('metadata'),
    ttl,
  },
  'a target such as etcd://10.0.0.9:2379/orders, a list of targets, or an object with a target',
);

/** Registrars of the user's own. */
export const registrars: Check = (value, path, report) => {
  list(having('register'), 'registrars')(value, path, report);
  if (!Array.isArray(value)) return;
  for (const [index, { schemes }] of (value as Partial<Registrar>[]).entries())
    if (!Array.isArray(schemes) || schemes.length === 0)
      report(
        pathTo(path, index),
        `expected a registrar with a list of schemes, got ${describeValue(schemes)}`,
      );
};

/** Reports everything that is wrong with `register`, with its targets, too. */
export function checkRegister(value: unknown, userRegistrars: unknown, path: string, report: Report): void {
  const isTargets = typeof value === 'string' || Array.isArray(value);
  if (!isTargets) {
    registerOptions(value, path, report);
    if (!isObject(value)) return;
  }
  const at = isTargets ? path : pathTo(path, 'target');
  const targets = isTargets ? value : value.target;
  const lifetime = isTargets ? undefined : value.ttl;
  const all: readonly unknown[] = Array.isArray(targets) ? targets : [targets];
  if (all.length === 0)
    report(at, 'expected at least one target such as etcd://10.0.0.9:2379/orders, got an empty array');
  const registry = new RegistrarRegistry(registrarsOf(userRegistrars));
  for (const [index, target] of all.entries()) {
    const where = Array.isArray(targets) ? pathTo(at, index) : at;
    if (typeof target !== 'string') {
      report(where, `expected a target such as etcd://10.0.0.9:2379/orders, got ${describeValue(target)}`);
      continue;
    }
    const source = registry.find(target, lifetimeParam(lifetime));
    if (!source.ok) report(where, source.problem);
  }
}

/** `register` in its long form, with the registrar of each target. It has been checked before. */
export interface ResolvedRegister {
  readonly sources: readonly RegistrarSource[];
  readonly options: Omit<RegisterOptions, 'target'>;
}

export function resolveRegister(
  register: Register,
  userRegistrars: readonly Registrar[] = [],
): ResolvedRegister {
  const { target, ...options } =
    typeof register === 'string' || Array.isArray(register) ? { target: register } : register;
  const registry = new RegistrarRegistry(userRegistrars);
  const sources = [target].flat().map((text) => {
    const source = registry.find(text, lifetimeParam((options as RegisterOptions).ttl));
    if (!source.ok) throw new Error(source.problem);
    return source.value;
  });
  return { sources, options };
}

function lifetimeParam(value: unknown): Readonly<Record<string, string>> {
  return typeof value === 'number' ? { ttl: String(value) } : {};
}

function registrarsOf(value: unknown): readonly Registrar[] {
  if (!Array.isArray(value)) return [];
  return (value as Partial<Registrar>[]).filter(
    (each): each is Registrar =>
      isObject(each) && Array.isArray(each.schemes) && typeof each.register === 'function',
  );
}
