import { didYouMean } from '../../nearest.js';
import { describeValue, oneLine } from '../../safe-text.js';
import { LONGEST_TIMER } from './limits.js';

/** Takes down one problem. */
export type Report = (path: string, message: string) => void;

/** Passes problems on, and knows afterwards whether there were any. */
export class ProblemCounter {
  count = 0;

  constructor(private readonly inner: Report) {}

  readonly report: Report = (path, message) => {
    this.count++;
    this.inner(path, message);
  };
}

/** Looks at one value and reports everything that is wrong with it and below it. Never throws on plain data. */
export type Check = (value: unknown, path: string, report: Report) => void;

/** A check for each option of `T`: TypeScript refuses a schema that misses an option, or has one too many. */
export type Fields<T> = { readonly [K in keyof Required<T>]: Check };

/** `services.orders`, `services["a b"]`, `resolvers[0]` */
export function pathTo(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]{0,63}$/.test(key)) return `${parent}[${JSON.stringify(oneLine(key, 60))}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Anything goes: it is looked at elsewhere. */
export const anything: Check = () => undefined;

export const boolean: Check = (value, path, report) => {
  if (typeof value !== 'boolean') report(path, `expected true or false, got ${describeValue(value)}`);
};

export const text: Check = (value, path, report) => {
  if (typeof value !== 'string') report(path, `expected a string, got ${describeValue(value)}`);
};

export function number(range: { min: number; max?: number; integer?: boolean; unit?: string }): Check {
  const { min, max = Infinity, integer = false, unit } = range;
  const kind = integer ? 'an integer' : 'a number';
  const bounds = max === Infinity ? `≥ ${min}` : `from ${min} to ${max}`;
  const expected = `expected ${kind} ${bounds}${unit === undefined ? '' : ` (${unit})`}`;
  return (value, path, report) => {
    const fits =
      typeof value === 'number' &&
      (integer ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
      value >= min &&
      value <= max;
    if (!fits) report(path, `${expected}, got ${describeValue(value)}`);
  };
}

export function integer(min: number): Check {
  return number({ min, integer: true });
}

/** A time; the bound is told only to those who exceed it. */
export function milliseconds(min: number): Check {
  const check = number({ min, unit: 'milliseconds' });
  return (value, path, report) => {
    if (typeof value === 'number' && value > LONGEST_TIMER) {
      report(path, `expected at most ${LONGEST_TIMER} (milliseconds), got ${value}`);
    } else check(value, path, report);
  };
}

export function callable(what: string): Check {
  return (value, path, report) => {
    if (typeof value !== 'function') report(path, `expected ${what}, got ${describeValue(value)}`);
  };
}

/** An object with this method: an instance of some interface. */
export function having(method: string): Check {
  return (value, path, report) => {
    const has =
      typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';
    if (!has) report(path, `expected an object with a method ${method}(), got ${describeValue(value)}`);
  };
}

export function list(item: Check, what: string): Check {
  return (value, path, report) => {
    if (!Array.isArray(value)) {
      report(path, `expected a list of ${what}, got ${describeValue(value)}`);
      return;
    }
    for (const [index, each] of (value as unknown[]).entries()) item(each, pathTo(path, index), report);
  };
}

/** `false` to switch it off, or what the other check takes. */
export function orFalse(check: Check): Check {
  return (value, path, report) => {
    if (value !== false) check(value, path, report);
  };
}

/** An object with these options and no others. An option that is `undefined` counts as left out. */
export function section<T>(fields: Fields<T>, expected = 'an object'): Check {
  const checks = new Map(Object.entries<Check>(fields));
  return (value, path, report) => {
    if (!isObject(value)) {
      report(path, `expected ${expected}, got ${describeValue(value)}`);
      return;
    }
    for (const [key, each] of Object.entries(value)) {
      const check = checks.get(key);
      if (!check) report(pathTo(path, key), `unknown option${didYouMean(key, [...checks.keys()])}`);
      else if (each !== undefined) check(each, pathTo(path, key), report);
    }
  };
}
