import { InvalidOptionsError, type OptionsProblem } from '../../errors.js';
import type { ResolvedServiceOptions } from '../../module/options.js';
import { adaptive } from '../../module/validation/call-schema.js';
import type { Check, Report } from '../../module/validation/schema.js';
import {
  anything,
  boolean,
  integer,
  isObject,
  list,
  milliseconds,
  number,
  pathTo,
  section,
  text,
} from '../../module/validation/schema.js';
import { validateModuleOptions } from '../../module/validation/validate-module-options.js';
import { describeValue } from '../../safe-text.js';
import type {
  CrashEvent,
  DeployEvent,
  PartitionEvent,
  SimulatedCalls,
  SimulatedClients,
  SimulatedNetwork,
  SimulatedServers,
  SimulationEvent,
  SimulationOptions,
  SlowDownEvent,
  StallEvent,
} from './simulation-options.js';

/** Options of a service that could only be ignored here. */
const NOT_SIMULATED = ['target', 'tls', 'transport', 'context', 'interceptors', 'minReady'];

/** Milliseconds. */
export const DEFAULT_DURATION = 60_000;
const DEFAULT_CLIENTS = 4;

const above0: Check = (value, path, report) => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
    report(path, `expected a number above 0, got ${describeValue(value)}`);
};

function oneOf(...known: readonly string[]): Check {
  return (value, path, report) => {
    if (!known.includes(value as string))
      report(path, `expected ${known.map((name) => `"${name}"`).join(' or ')}, got ${describeValue(value)}`);
  };
}

/** It becomes a part of a host name. */
const groupName: Check = (value, path, report) => {
  if (typeof value !== 'string' || !/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/i.test(value))
    report(path, `expected 1 to 40 letters, digits and dashes, got ${describeValue(value)}`);
};

/** A section in which some options must be there. */
function sectionWith(check: Check, required: readonly string[]): Check {
  return (value, path, report) => {
    check(value, path, report);
    if (!isObject(value)) return;
    for (const name of required) if (value[name] === undefined) report(pathTo(path, name), 'missing');
  };
}

const servers = list(
  sectionWith(
    section<SimulatedServers>({
      name: groupName,
      count: integer(1),
      serviceTime: above0,
      distribution: oneOf('exponential', 'constant'),
      slower: above0,
      workers: integer(1),
      zone: text,
      priority: number({ min: 0, max: 65_535, integer: true }),
      weight: number({ min: 0, max: 65_535 }),
      stock: boolean,
      limits: section<NonNullable<SimulatedServers['limits']>>({ maxInFlight: integer(1), adaptive }),
    }),
    ['serviceTime'],
  ),
  'groups of servers',
);

const clientGroups = list(
  section<SimulatedClients>({ count: integer(1), zone: text, nodes: integer(1), service: anything }),
  'groups of clients',
);

const clients: Check = (value, path, report) =>
  (Array.isArray(value) ? clientGroups : integer(1))(value, path, report);

const network: Check = (value, path, report) =>
  (isObject(value)
    ? section<SimulatedNetwork>({ sameZone: milliseconds(0), otherZone: milliseconds(0) })
    : milliseconds(0))(value, path, report);

const aim = {
  type: anything,
  at: milliseconds(0),
  every: milliseconds(1),
  of: text,
  count: ((value, path, report) => {
    if (value !== 'all') integer(1)(value, path, report);
  }) satisfies Check,
};

const eventChecks: Readonly<Record<SimulationEvent['type'], Check>> = {
  stall: sectionWith(section<StallEvent>({ ...aim, for: milliseconds(1) }), ['at', 'for']),
  partition: sectionWith(section<PartitionEvent>({ ...aim, for: milliseconds(1) }), ['at', 'for']),
  crash: sectionWith(section<CrashEvent>({ ...aim, for: milliseconds(1) }), ['at']),
  'slow-down': sectionWith(section<SlowDownEvent>({ ...aim, for: milliseconds(1), factor: above0 }), [
    'at',
    'factor',
  ]),
  deploy: sectionWith(
    section<DeployEvent>({
      type: anything,
      at: milliseconds(0),
      of: text,
      atOnce: integer(1),
      downtime: milliseconds(0),
    }),
    ['at'],
  ),
};

const event: Check = (value, path, report) => {
  const type = isObject(value) ? value.type : undefined;
  if (typeof type === 'string' && Object.hasOwn(eventChecks, type))
    eventChecks[type as SimulationEvent['type']](value, path, report);
  else oneOf(...Object.keys(eventChecks))(type, pathTo(path, 'type'), report);
};

const simulation = section<SimulationOptions>({
  seed: integer(0),
  duration: milliseconds(1),
  warmUp: milliseconds(0),
  servers,
  clients,
  load: above0,
  callsPerSecond: above0,
  call: section<SimulatedCalls>({ pattern: text, idempotent: boolean, hashKeys: integer(1) }),
  service: anything,
  network,
  events: list(event, 'events'),
});

/** What is known once a simulation has been validated. */
export interface ValidatedSimulation {
  readonly options: SimulationOptions;
  /** The groups of its clients, and the options of the service for each. */
  readonly groups: readonly SimulatedClients[];
  readonly services: readonly ResolvedServiceOptions[];
}

/** @throws InvalidOptionsError with every problem at once */
export function validateSimulation(input: unknown): ValidatedSimulation {
  const problems: OptionsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  if (!isObject(input)) {
    report('options', `expected an object, got ${describeValue(input)}`);
    throw new InvalidOptionsError(problems);
  }
  simulation(input, '', report);
  if (input.servers === undefined) report('servers', 'missing');
  const groups = groupsOf(input.clients);
  const options = input as unknown as SimulationOptions;
  if (problems.length === 0) reportContradictions(options, groups, report);
  const services = resolveServices(input.service, groups, report);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return { options, groups, services };
}

/** What is no group has been reported, and is as good as an empty one here. */
function groupsOf(clients: unknown): SimulatedClients[] {
  if (!Array.isArray(clients)) return [{ count: typeof clients === 'number' ? clients : DEFAULT_CLIENTS }];
  return clients.map((group) => (isObject(group) ? group : {}));
}

function reportContradictions(
  {
    servers: serverGroups,
    load,
    callsPerSecond,
    duration = DEFAULT_DURATION,
    warmUp = 0,
    events = [],
  }: SimulationOptions,
  groups: readonly SimulatedClients[],
  report: Report,
): void {
  if (serverGroups.length === 0) report('servers', 'expected at least one group of servers');
  if ((load === undefined) === (callsPerSecond === undefined))
    report('load', 'expected either this or callsPerSecond');
  if (warmUp >= duration) report('warmUp', `expected less than the duration (${duration}), got ${warmUp}`);
  const sizes = new Map<string, number>();
  serverGroups.forEach(({ name = 'server', count = 1, stock, limits }, i) => {
    const path = pathTo('servers', i);
    if (sizes.has(name)) report(pathTo(path, 'name'), `there is another group named "${name}"`);
    if (stock === true && limits !== undefined)
      report(pathTo(path, 'limits'), 'a stock server has none; leave out one of stock and limits');
    sizes.set(name, count);
  });
  const all = [...sizes.values()].reduce((sum, count) => sum + count, 0);
  groups.forEach(({ nodes }, i) => {
    if (nodes !== undefined && nodes > all)
      report(pathTo(pathTo('clients', i), 'nodes'), `expected at most all ${all} servers, got ${nodes}`);
  });
  events.forEach((each, i) => {
    const path = pathTo('events', i);
    const size = each.of === undefined ? all : sizes.get(each.of);
    if (size === undefined)
      report(pathTo(path, 'of'), `there is no group of servers named "${String(each.of)}"`);
    else if (each.type !== 'deploy' && typeof each.count === 'number' && each.count > size)
      report(pathTo(path, 'count'), `expected at most ${size}, got ${each.count}`);
  });
}

/** The module's own validation, with the paths of here. */
function resolveServices(
  service: unknown,
  groups: readonly SimulatedClients[],
  report: Report,
): ResolvedServiceOptions[] {
  const prefixes = groups.map((_, i) => [`services.group-${i}`, `clients[${i}].service`] as const);
  reportNotSimulated(service, 'service', report);
  groups.forEach((group, i) => reportNotSimulated(group.service, prefixes[i]?.[1] ?? '', report));
  const resolver = { schemes: ['simulation'], watch: () => [] };
  const input = {
    resolvers: [resolver],
    defaults: withoutNotSimulated(service),
    services: Object.fromEntries(
      groups.map((group, i) => [
        `group-${i}`,
        { ...withoutNotSimulated(group.service ?? {}), target: 'simulation:///service' },
      ]),
    ),
  };
  try {
    const { services } = validateModuleOptions(input, { env: {}, declares: false });
    return [...services.values()].map(({ options }) => options);
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    for (const { path, message } of error.problems) report(pathHere(path, prefixes), message);
    return [];
  }
}

function pathHere(path: string, prefixes: readonly (readonly [string, string])[]): string {
  if (path === 'defaults' || path.startsWith('defaults.')) return path.replace('defaults', 'service');
  const prefix = prefixes.find(([there]) => path === there || path.startsWith(`${there}.`));
  return prefix ? path.replace(...prefix) : path;
}

function reportNotSimulated(service: unknown, path: string, report: Report): void {
  if (service === undefined) return;
  if (!isObject(service)) {
    report(path, `expected an object with options of a service, got ${describeValue(service)}`);
    return;
  }
  const refuse = (at: string): void => report(at, 'has no meaning in a simulation; leave it out');
  for (const name of NOT_SIMULATED) if (service[name] !== undefined) refuse(pathTo(path, name));
  if (isObject(service.connection) && service.connection.keepAlive !== undefined)
    refuse(pathTo(pathTo(path, 'connection'), 'keepAlive'));
}

/** What is no object is as good as nothing here: it has been reported. */
function withoutNotSimulated(service: unknown): Record<string, unknown> {
  if (!isObject(service)) return {};
  return Object.fromEntries(Object.entries(service).filter(([name]) => !NOT_SIMULATED.includes(name)));
}
