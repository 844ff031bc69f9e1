import type { OptionsProblem } from '../errors.js';
import { zoneProblem } from './endpoint-validation.js';

/** What the environment says about one service. */
export interface EnvironmentTarget {
  /** The service: as configured when the variable matches one, else made from the variable's name. */
  readonly service: string;
  /** `LB_TARGET_ORDERS` */
  readonly variable: string;
  /** One target, or several as an order of fallback. */
  readonly target: string | readonly string[];
}

export interface EnvironmentTargets {
  readonly targets: readonly EnvironmentTarget[];
  readonly problems: readonly OptionsProblem[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'LB_TARGET_';

/**
 * Reads the targets of the environment: `LB_TARGET_ORDERS=static:///…` declares the service `orders`, or overrides
 * its target when it is configured. Case and punctuation do not count, since the name of a variable has none:
 * `LB_TARGET_USER_PROFILE` is meant for `user-profile` as for `userProfile`, and declares `user-profile` when there is
 * neither.
 *
 * Several targets, as an order of fallback, have a `|` between them, which a URI never holds as such:
 * `LB_TARGET_ORDERS='dns:///orders.internal:4001 | static:///10.0.0.1:4001'`.
 *
 * @param declares `false` leaves alone what matches no configured service
 */
export function readEnvironment(
  env: Environment,
  configured: readonly string[],
  declares = true,
): EnvironmentTargets {
  const targets: EnvironmentTarget[] = [];
  const problems: OptionsProblem[] = [];
  const variableByKey = new Map<string, string>();

  // Sorted, so that messages do not depend on the order of the environment.
  for (const variable of Object.keys(env).sort()) {
    const target = env[variable];
    if (!variable.startsWith(PREFIX) || target === undefined) continue;
    const key = serviceKey(variable.slice(PREFIX.length));
    const services = configured.filter((name) => serviceKey(name) === key);
    if (services.length === 0 && !declares) continue;

    const problem = variableProblem(key, target, services, variableByKey.get(key));
    variableByKey.set(key, variable);
    if (problem === undefined)
      targets.push({ service: services[0] ?? serviceName(variable), variable, target: separate(target) });
    else problems.push({ path: variable, message: problem });
  }
  return { targets, problems };
}

/** Where the environment says that this process stands: `LB_ZONE=eu-1a`. */
export function readOwnZone(env: Environment): { zone?: string; problem?: string } {
  const zone = env.LB_ZONE;
  if (zone === undefined) return {};
  const problem = zoneProblem(zone);
  return problem === undefined ? { zone } : { problem: `${problem}; unset it if none is meant` };
}

/** The services that the environment declares or overrides. */
export function environmentNames(env: Environment, configured: readonly string[]): string[] {
  return readEnvironment(env, configured).targets.map(({ service }) => service);
}

/** The variable that overrides the target of a service. */
export function environmentVariable(service: string): string {
  const words = service.replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2');
  return PREFIX + words.replace(/[^\p{L}\p{N}]+/gu, '_').toUpperCase();
}

function separate(text: string): string | readonly string[] {
  return text.includes('|') ? text.split('|') : text;
}

function variableProblem(
  key: string,
  target: string,
  services: readonly string[],
  sameService: string | undefined,
): string | undefined {
  if (key === '') return `expected the name of a service after ${PREFIX}`;
  if (target.trim() === '')
    return 'expected a target such as static:///10.0.0.1:4001, got nothing; unset it if none is meant';
  if (sameService !== undefined) return `means the same service as ${sameService}; set only one of them`;
  if (services.length > 1) return `means each of the services ${services.join(', ')}; rename all but one`;
  return undefined;
}

/** What counts of the name of a service where case and punctuation do not: the same for `userProfile` and `USER_PROFILE`. */
export function serviceKey(name: string): string {
  return name.replace(/[^\p{L}\p{N}]+/gu, '').toLowerCase();
}

/** `LB_TARGET_USER_PROFILE` → `user-profile` */
function serviceName(variable: string): string {
  return variable
    .slice(PREFIX.length)
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .join('-');
}
