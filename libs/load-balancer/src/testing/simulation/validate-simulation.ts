import { zoneProblem } from '../../discovery/endpoint-validation.js';
import { InvalidOptionsError, type OptionsProblem } from '../../errors.js';
import type { ResolvedServiceOptions } from '../../module/options.js';
import { adaptive } from '../../module/validation/call-schema.js';
import type { Check, Fields, Report } from '../../module/validation/schema.js';
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
import { routeOf } from './simulated-pattern.js';
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

const NO_MEANING = 'has no meaning in a simulation; leave it out';
const NO_DATA = 'calls have no data here; give them keys with call.hashKeys';

/** Options of a service that could only be ignored here, and what to do instead. */
const NOT_SIMULATED: ReadonlyMap<string, string> = new Map([
  ['target', NO_MEANING],
  ['tls', NO_MEANING],
  ['transport', NO_MEANING],
  ['context', NO_MEANING],
  ['interceptors', NO_MEANING],
  ['minReady', NO_MEANING],
  ['explainErrors', NO_MEANING],
  ['hashKey', NO_DATA],
  ['dryRun', 'takes no effect; simulate what it would try out instead'],
]);

/** Milliseconds. */
export const DEFAULT_DURATION = 60_000;
const DEFAULT_CLIENTS = 4;
export const DEFAULT_PATTERN = 'simulated';

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

const zone: Check = (value, path, report) => {
  const problem = zoneProblem(value);
  if (problem !== undefined) report(path, problem);
};

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
      zone,
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
  section<SimulatedClients>({ count: integer(1), zone, service: anything }),
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

/** Each option of a simulation, looked at by itself. */
export const SIMULATION_CHECKS: Fields<SimulationOptions> = {
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
};

/** What is known once a simulation has been validated. */
export interface ValidatedSimulation {
  readonly options: SimulationOptions;
  /** The groups of its clients, and the options of the service for each. */
  readonly groups: readonly SimulatedClients[];
  readonly services: readonly ResolvedServiceOptions[];
  /** What works, and hardly as it is meant. */
  readonly warnings: readonly string[];
}

/** @throws InvalidOptionsError with every problem at once */
export function validateSimulation(input: unknown): ValidatedSimulation {
  const problems: OptionsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  if (!isObject(input)) {
    report('options', `expected an object, got ${describeValue(input)}`);
    throw new InvalidOptionsError(problems);
  }
  section(SIMULATION_CHECKS)(input, '', report);
  if (input.servers === undefined) report('servers', 'missing');
  const groups = groupsOf(input.clients);
  reportContradictions(input, report);
  const { services, warnings } = resolveServices(input.service, groups, report);
  reportWithoutEffect(input.call, services, report);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return { options: input as unknown as SimulationOptions, groups, services, warnings };
}

/** What is no group has been reported, and is as good as an empty one here. */
function groupsOf(clients: unknown): SimulatedClients[] {
  if (!Array.isArray(clients)) return [{ count: typeof clients === 'number' ? clients : DEFAULT_CLIENTS }];
  return clients.map((group) => (isObject(group) ? group : {}));
}

/** What is wrong by itself has been reported, and contradicts nothing. */
function reportContradictions(input: Readonly<Record<string, unknown>>, report: Report): void {
  const { load, callsPerSecond, warmUp, duration: whole = DEFAULT_DURATION } = input;
  const duration = positive(whole);
  if (Array.isArray(input.servers) && input.servers.length === 0)
    report('servers', 'expected at least one group of servers');
  if (Array.isArray(input.clients) && input.clients.length === 0)
    report('clients', 'expected at least one group of clients');
  if ((load === undefined) === (callsPerSecond === undefined))
    report('load', `expected either this or callsPerSecond, got ${load === undefined ? 'neither' : 'both'}`);
  if (isAtLeast(warmUp, duration))
    report('warmUp', `expected less than the duration (${duration}), got ${warmUp}`);
  const sizes = new Map<unknown, number>();
  listed(input.servers).forEach((group, i) => {
    if (!isObject(group)) return;
    const { name = 'server', count = 1, stock, limits } = group;
    const path = pathTo('servers', i);
    if (sizes.has(name)) report(pathTo(path, 'name'), `there is another group named ${describeValue(name)}`);
    if (stock === true && limits !== undefined)
      report(pathTo(path, 'limits'), 'a stock server has none; leave out one of stock and limits');
    sizes.set(name, (sizes.get(name) ?? 0) + positive(count));
  });
  const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  listed(input.events).forEach((each, i) => {
    if (!isObject(each)) return;
    const { type, at, of, count } = each;
    const path = pathTo('events', i);
    if (isAtLeast(at, duration))
      report(pathTo(path, 'at'), `expected less than the duration (${duration}), got ${at}`);
    const size = of === undefined ? all : sizes.get(of);
    if (size === undefined) {
      if (typeof of === 'string' && Array.isArray(input.servers))
        report(pathTo(path, 'of'), `there is no group of servers named ${describeValue(of)}`);
    } else if (type !== 'deploy' && typeof count === 'number' && count > size)
      report(pathTo(path, 'count'), `expected at most ${size}, got ${count}`);
  });
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `NaN`, which no comparison holds for, when it is none. */
function positive(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : NaN;
}

function isAtLeast(value: unknown, bound: number): value is number {
  return typeof value === 'number' && value >= bound;
}

/** What would be taken and then make no difference to these calls. */
function reportWithoutEffect(
  call: unknown,
  services: readonly ResolvedServiceOptions[],
  report: Report,
): void {
  const { pattern = DEFAULT_PATTERN, idempotent } = isObject(call) ? call : {};
  if (typeof pattern !== 'string') return;
  for (const { patterns, calls } of services) {
    const texts = [...patterns.keys()];
    const ofCalls = texts.find((text) => routeOf(text) === routeOf(pattern));
    if (texts.length > 0 && ofCalls === undefined) {
      const known = texts.map((text) => JSON.stringify(text)).join(', ');
      report(
        'call.pattern',
        `expected one of those that the service has options for (${known}), got ${describeValue(pattern)}`,
      );
      return;
    }
    const settings = (ofCalls === undefined ? undefined : patterns.get(ofCalls)) ?? calls;
    if ((idempotent ?? settings.idempotent) !== undefined) continue;
    const what = settings.hedge
      ? 'hedge'
      : settings.retry.retryOn === undefined
        ? undefined
        : 'retry.retryOn';
    if (what === undefined) continue;
    report('call.idempotent', `expected true or false: ${what} is for idempotent calls only`);
    return;
  }
}

/** The module's own validation, with the paths of here. */
function resolveServices(
  service: unknown,
  groups: readonly SimulatedClients[],
  report: Report,
): Pick<ValidatedSimulation, 'services' | 'warnings'> {
  reportNotSimulated(service, 'service', report);
  groups.forEach((group, i) => {
    reportNotSimulated(group.service, `clients[${i}].service`, report);
    const asked = askedZone(service, group);
    if (hasZone(group) && typeof asked === 'string' && asked !== group.zone)
      report(
        pathTo(pathTo('clients', i), 'zone'),
        `the service's locality.zone says ${describeValue(asked)}; say it once`,
      );
  });
  const resolver = { schemes: ['simulation'], watch: () => [] };
  // A single group has the options for its own: some warnings are of those only, and not of what is inherited.
  const alone = groups.length === 1 && groups[0]?.service === undefined;
  const input = {
    resolvers: [resolver],
    ...(!alone && { defaults: withoutNotSimulated(service) }),
    services: Object.fromEntries(
      groups.map((group, i) => {
        const own = withoutNotSimulated(alone ? service : group.service);
        return [
          alone ? 'service' : `clients-${i}`,
          { ...withOwnZone(own, service, group), target: 'simulation:///service' },
        ];
      }),
    ),
  };
  try {
    const { services, warnings } = validateModuleOptions(input, { env: {}, declares: false });
    return {
      services: [...services.values()].map(({ options }) => options),
      warnings,
    };
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    for (const { path, message } of error.problems) report(pathHere(path), message);
    return { services: [], warnings: [] };
  }
}

/** The zone that the options of the service name, if they do; `false` for none. */
function askedZone(service: unknown, group: SimulatedClients): unknown {
  for (const options of [group.service, service])
    if (isObject(options) && isObject(options.locality) && options.locality.zone !== undefined)
      return options.locality.zone;
  return undefined;
}

/** One that makes no sense has been reported, by the name that it has here. */
function hasZone({ zone }: SimulatedClients): boolean {
  return zone !== undefined && zoneProblem(zone) === undefined;
}

/** Where a client stands is what `LB_ZONE` says in production. */
function withOwnZone(
  own: Record<string, unknown>,
  service: unknown,
  group: SimulatedClients,
): Record<string, unknown> {
  const { locality = {} } = own;
  if (!hasZone(group) || askedZone(service, group) !== undefined || !isObject(locality)) return own;
  return { ...own, locality: { ...locality, zone: group.zone } };
}

/** What a path of the module's options, at the start of a text, is called here. */
export function pathHere(text: string): string {
  return text
    .replace(/^(defaults|services\.service)(?![\w-])/, 'service')
    .replace(/^services\.clients-(\d+)(?![\w-])/, 'clients[$1].service');
}

function reportNotSimulated(service: unknown, path: string, report: Report): void {
  if (service === undefined) return;
  if (!isObject(service)) {
    report(path, `expected an object with options of a service, got ${describeValue(service)}`);
    return;
  }
  const { connection, subset, patterns } = service;
  for (const [name, instead] of NOT_SIMULATED)
    if (service[name] !== undefined) report(pathTo(path, name), instead);
  if (isObject(connection) && connection.keepAlive !== undefined)
    report(pathTo(pathTo(path, 'connection'), 'keepAlive'), NO_MEANING);
  if (isObject(subset) && subset.clientId !== undefined)
    report(pathTo(pathTo(path, 'subset'), 'clientId'), 'each client has one of its own here; leave it out');
  if (!isObject(patterns)) return;
  for (const [text, options] of Object.entries(patterns))
    if (isObject(options) && options.hashKey !== undefined)
      report(pathTo(pathTo(pathTo(path, 'patterns'), text), 'hashKey'), NO_DATA);
}

/** What is no object is as good as nothing here: it has been reported. */
function withoutNotSimulated(service: unknown): Record<string, unknown> {
  if (!isObject(service)) return {};
  return Object.fromEntries(Object.entries(service).filter(([name]) => !NOT_SIMULATED.has(name)));
}
