/**
 * The names that decorators ask for and modules declare, in the order in which classes are loaded. They only serve to
 * give a better message than "can't resolve dependencies"; what is injected is decided by Nest.
 */
const requested = new Set<string>();
const declared = new Set<string>();

export function nameRequested(name: string): void {
  requested.add(name);
}

/** The names of `forFeature()`: a variable of the environment that means one of them is not for the root to declare. */
const features = new Set<string>();

export function featuresDeclared(names: Iterable<string>): void {
  for (const name of names) features.add(name);
}

export function featureNames(): string[] {
  return [...features];
}

export function namesDeclared(names: Iterable<string>): void {
  for (const name of names) declared.add(name);
}

/** Names that an `@BalancedClient('…')` somewhere asks for and that no module has declared so far. */
export function undeclaredNames(): string[] {
  return [...requested].filter((name) => !declared.has(name));
}

/** Every name that a module has declared so far. */
export function declaredNames(): string[] {
  return [...declared];
}
