import type { ContextOptions } from '../../context/context-options.js';
import { contextOptionsProblems } from '../../context/context-settings.js';
import {
  readEnvironment,
  readOwnZone,
  type Environment,
  type EnvironmentTarget,
} from '../../discovery/environment.js';
import { ResolverRegistry, type TargetSource } from '../../discovery/resolver-registry.js';
import { InvalidOptionsError, type OptionsProblem } from '../../errors.js';
import { describeValue } from '../../safe-text.js';
import type { LoadBalancerModuleOptions, ResolvedServiceOptions, ServiceOptions } from '../options.js';
import { doubtsOf, reportContradictions } from './cross-checks.js';
import { warningsOf, type DoubtedService } from './doubts.js';
import { mergeDefaults, resolveService } from './resolve-service.js';
import { collectResolvers } from './resolvers.js';
import {
  anything,
  boolean,
  integer,
  isObject,
  list,
  pathTo,
  ProblemCounter,
  section,
  text,
  type Check,
  type Fields,
  type Report,
} from './schema.js';
import { defaultsSchema, serviceSchema } from './service-schema.js';
import { collectStrategies, reportStrategies, strategyCheck, type StrategiesByName } from './strategies.js';
import { resolveTargets } from './targets.js';

export interface ValidationSettings {
  /** `process.env` */
  readonly env: Environment;
  /** Whether variables that match no configured service declare one. */
  readonly declares: boolean;
  /** Whether a factory made the options: too late to say in which modules the clients can be injected. */
  readonly late?: boolean;
}

/** What the client of one service is made of. */
export interface ValidatedService {
  readonly options: ResolvedServiceOptions;
  /** Its targets with their resolvers, in their order of fallback. */
  readonly sources: readonly TargetSource[];
}

export interface ValidatedModuleOptions {
  /** By name: those of the options in their order, then those of the environment. */
  readonly services: ReadonlyMap<string, ValidatedService>;
  /** What works, and hardly as it is meant; to be logged. */
  readonly warnings: readonly string[];
}

/** `services.orders` as the user wrote it, and what the environment says of it. */
interface RawService {
  readonly name: string;
  readonly path: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly fromEnvironment: EnvironmentTarget | undefined;
}

const moduleFields: Fields<LoadBalancerModuleOptions> = {
  // Each has a reader of its own below.
  services: anything,
  defaults: anything,
  resolvers: anything,
  strategies: anything,
  context: anything,
  isGlobal: boolean,
};

const moduleSchema = section(moduleFields);

/** Of what the factory of `forRootAsync()` returns. */
const lateSchema = section<LoadBalancerModuleOptions>({
  ...moduleFields,
  isGlobal: (_value, path, report) => report(path, 'given outside the factory: forRootAsync({ isGlobal })'),
});

/** The shape only; what the values may be is the context's to say. */
const contextSchema = section<ContextOptions>({
  allow: list(text, 'keys'),
  requestIdHeader: text,
  maxValueLength: integer(1),
  maxTotalLength: integer(1),
});

/**
 * Validates the options of a module and fills in every default.
 *
 * @throws InvalidOptionsError with all problems at once
 */
export function validateModuleOptions(
  input: unknown,
  { env, declares, late = false }: ValidationSettings,
): ValidatedModuleOptions {
  const problems: OptionsProblem[] = [];
  const warnings: string[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  const warn = (warning: string): void => void warnings.push(warning);

  if (input !== undefined && !isObject(input))
    report('options', `expected an object, got ${describeValue(input)}`);
  const options = isObject(input) ? input : {};
  (late ? lateSchema : moduleSchema)(options, '', report);
  readContext(options.context, report);
  const resolvers = new ResolverRegistry(collectResolvers(options.resolvers, 'resolvers', report));
  const strategies = collectStrategies(options.strategies, 'strategies', report);
  const checkStrategy = strategyCheck(strategies);
  const defaults = readDefaults(options.defaults, checkStrategy, report);

  const { zone, problem } = readOwnZone(env);
  if (problem !== undefined) report('LB_ZONE', problem);

  const services = new Map<string, ValidatedService>();
  const given: RawService[] = [];
  for (const raw of readServices(options.services, env, declares, report)) {
    const service = readService(raw, { defaults, resolvers, strategies, checkStrategy, zone }, report, warn);
    if (!service) continue;
    services.set(raw.name, service);
    given.push(raw);
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);

  const allowed = (options as LoadBalancerModuleOptions).context?.allow ?? [];
  const doubted = given.map(({ name, options: own }): DoubtedService => {
    const service = services.get(name) as ValidatedService;
    return { name, own, doubts: doubtsOf(service, mergeDefaults(defaults ?? {}, own), allowed) };
  });
  warnings.push(...warningsOf(doubted, { ...defaults }));
  return { services, warnings };
}

function readContext(value: unknown, report: Report): void {
  if (value === undefined) return;
  const shape = new ProblemCounter(report);
  contextSchema(value, 'context', shape.report);
  if (shape.count > 0) return;
  for (const { path, message } of contextOptionsProblems(value, 'context')) report(path, message);
}

/** The `defaults`, or `undefined` when something is wrong with them. */
function readDefaults(
  value: unknown,
  checkStrategy: Check,
  report: Report,
): Partial<ServiceOptions> | undefined {
  if (value === undefined) return {};
  const found = new ProblemCounter(report);
  defaultsSchema(value, 'defaults', found.report);
  if (isObject(value)) reportStrategies(value, 'defaults', checkStrategy, found.report);
  return isObject(value) && found.count === 0 ? value : undefined;
}

/** Every service of the options and of the environment, the shorthand of a target alone written out. */
function readServices(value: unknown, env: Environment, declares: boolean, report: Report): RawService[] {
  if (value !== undefined && !isObject(value)) {
    report('services', `expected an object with services by name, got ${describeValue(value)}`);
  }
  const configured = Object.entries(isObject(value) ? value : {});
  const environment = readEnvironment(
    env,
    configured.map(([name]) => name),
    declares,
  );
  for (const { path, message } of environment.problems) report(path, message);
  const overrides = new Map(environment.targets.map((target) => [target.service, target]));

  const services: RawService[] = [];
  for (const [name, service] of configured) {
    const path = pathTo('services', name);
    const fromEnvironment = overrides.get(name);
    overrides.delete(name);
    if (!SERVICE_NAME.test(name)) report(path, `not a name for a service: ${SERVICE_NAME_RULE}`);
    if (typeof service === 'string' || Array.isArray(service))
      services.push({ name, path, options: { target: service }, fromEnvironment });
    else if (isObject(service)) services.push({ name, path, options: service, fromEnvironment });
    else {
      report(
        path,
        `expected a target URI, a list of endpoints or an object with options, got ${describeValue(service)}`,
      );
    }
  }
  for (const target of overrides.values()) {
    const path = pathTo('services', target.service);
    services.push({ name: target.service, path, options: {}, fromEnvironment: target });
  }
  return services;
}

/** Names stand in logs, messages and metrics. */
const SERVICE_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._:/@-]{0,127}$/u;
const SERVICE_NAME_RULE =
  'expected 1 to 128 letters, digits and any of . _ : / @ -, with a letter or digit first';

interface Known {
  readonly defaults: Partial<ServiceOptions> | undefined;
  readonly resolvers: ResolverRegistry;
  readonly strategies: StrategiesByName;
  readonly checkStrategy: Check;
  /** Where the environment says that this process stands. */
  readonly zone: string | undefined;
}

/** One service with everything filled in; `undefined` when something is wrong with it, which has been reported. */
function readService(
  { name, path, options, fromEnvironment }: RawService,
  { defaults, resolvers, strategies, checkStrategy, zone }: Known,
  report: Report,
  warn: (warning: string) => void,
): ValidatedService | undefined {
  const found = new ProblemCounter(report);
  serviceSchema(options, path, found.report);
  reportStrategies(options, path, checkStrategy, found.report);
  const sources = fromEnvironment
    ? resolveTargets(name, fromEnvironment.target, fromEnvironment.variable, resolvers, found.report, warn)
    : resolveTargets(name, options.target, pathTo(path, 'target'), resolvers, found.report, warn);
  if (!sources || found.count > 0 || !defaults) return undefined;

  const targets = sources.map(({ target }) => target);
  const merged = mergeDefaults(defaults, options);
  const service = resolveService(name, targets, merged, strategies, zone);
  reportContradictions(service, path, report);
  return { options: service, sources };
}
