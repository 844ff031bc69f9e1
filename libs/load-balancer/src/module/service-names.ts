import { environmentNames } from '../discovery/environment.js';

/**
 * The names that decorators ask for and modules declare, in the order in which classes are loaded, whichever application
 * of the process they belong to. They only tell for which names a better message than "can't resolve dependencies" is
 * prepared; which services an application has is decided by its own modules, through Nest.
 */
const requested = new Set<string>();
const declared = new Set<string>();

export function nameRequested(name: string): void {
  requested.add(name);
}

export function namesDeclared(names: Iterable<string>): void {
  for (const name of names) declared.add(name);
}

/** Names that an `@BalancedClient('…')` somewhere asks for and that neither a module nor the environment has declared so far. */
export function undeclaredNames(): string[] {
  const known = new Set(declaredNames());
  return [...requested].filter((name) => !known.has(name));
}

/** Every name that a module or the environment has declared so far. */
export function declaredNames(): string[] {
  return [...new Set([...declared, ...environmentNames(process.env, [])])];
}
