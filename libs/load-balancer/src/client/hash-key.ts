import type { RequestContext } from '../context/request-context.js';
import { describeValue } from '../safe-text.js';
import { reasonOf } from '../transport/reason.js';
import { markedKeyOf } from './hash-key.decorator.js';

/**
 * Where the hash key of a call comes from: the name of a field of its data, a key of the request context (one that the
 * module's `context.allow` lets in), or a function of the data and of the context of the request that is being served.
 *
 * @example
 * ```ts
 * patterns: {
 *   cart: { hashKey: 'customerId' },
 *   prices: { hashKey: { context: 'x-tenant' } },
 *   quote: { hashKey: (quote: QuoteDto, context) => `${context?.get('x-tenant')}-${quote.to}` },
 * }
 * ```
 */
export type HashKeySource =
  | string
  | { readonly context: string }
  | ((data: never, context: RequestContext | undefined) => string | number | undefined);

/** The hash key of a call with this data, made in this context; `undefined` when it has none. Never throws. */
export type HashKeyOf = (data: unknown, context: RequestContext | undefined) => string | undefined;

/** @param onFault told once when a user's function throws, and once when it gives what is no key; such calls have none */
export function hashKeyReader(source: HashKeySource, onFault: (fault: string) => void): HashKeyOf {
  return guarded(readerOf(source), 'hashKey', onFault);
}

/**
 * The hash key of calls whose pattern says nothing of it: the field of their data that is marked with `@HashKey()`, else what
 * the service has.
 */
export function defaultHashKey(
  source: HashKeySource | undefined,
  onFault: (fault: string) => void,
): HashKeyOf {
  const marked = guarded(markedKeyOf, '@HashKey()', onFault);
  if (source === undefined) return marked;
  const read = hashKeyReader(source, onFault);
  return (data, context) => marked(data, context) ?? read(data, context);
}

/**
 * A key as text. What is missing or empty is none, lest all anonymous callers went to one node; nor is a number that is none
 * (`NaN`), or anything that is neither text nor a number.
 */
export function asHashKey(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  return typeof value === 'bigint' ? String(value) : undefined;
}

type Read = (data: unknown, context: RequestContext | undefined) => unknown;

function readerOf(source: HashKeySource): Read {
  switch (typeof source) {
    case 'string':
      return (data) => fieldOf(data, source);
    case 'object':
      return (_data, context) => context?.get(source.context);
    case 'function':
      return source as Read;
  }
}

/** @param what it is that reads, for messages */
function guarded(read: Read, what: string, onFault: (fault: string) => void): HashKeyOf {
  const told = new Set<string>();
  const tell = (verb: 'threw:' | 'gave', rest: string): void => {
    if (told.has(verb)) return;
    told.add(verb);
    onFault(`${what} ${verb} ${rest}; such calls go to any node`);
  };
  return (data, context) => {
    try {
      const value = read(data, context);
      const key = asHashKey(value);
      if (key === undefined && value !== undefined && value !== null && value !== '')
        tell('gave', `${describeValue(value)}, expected a string or a number`);
      return key;
    } catch (error) {
      tell('threw:', reasonOf(error));
      return undefined;
    }
  };
}

function fieldOf(data: unknown, field: string): unknown {
  return typeof data === 'object' && data !== null
    ? (data as Readonly<Record<string, unknown>>)[field]
    : undefined;
}
