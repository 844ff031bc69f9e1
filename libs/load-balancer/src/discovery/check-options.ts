import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { describeValue } from '../safe-text.js';

/** Returns what was expected instead, such as `true or false`; `undefined` when the value is right. */
export type OptionCheck = (value: unknown) => string | undefined;

/** A check for each option of `T`: TypeScript refuses a list that misses one, or has one too many. */
export type OptionChecks<T> = { readonly [K in keyof Required<T>]: OptionCheck };

/**
 * What is wrong with the options that users make a resolver or registrar with. An option that is `undefined` counts as left out.
 * No string is shown: many are secrets.
 */
export function optionsProblems<T>(options: T, path: string, checks: OptionChecks<T>): OptionsProblem[] {
  if (!isObject(options)) return [{ path, message: `expected an object, got ${kindOf(options)}` }];
  const known = new Map(Object.entries<OptionCheck>(checks));
  return Object.entries(options).flatMap(([key, value]): OptionsProblem[] => {
    const check = known.get(key);
    const at = `${path}.${key}`;
    if (!check) return [{ path: at, message: `unknown option${didYouMean(key, [...known.keys()])}` }];
    const expected = value === undefined ? undefined : check(value);
    return expected === undefined
      ? []
      : [{ path: at, message: `expected ${expected}, got ${kindOf(value)}` }];
  });
}

/** @throws InvalidOptionsError with every problem, if there are any. */
export function throwProblems(problems: readonly OptionsProblem[]): void {
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}

export const someText: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'a string that is not empty';

export const trueOrFalse: OptionCheck = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  return describeValue(value);
}
