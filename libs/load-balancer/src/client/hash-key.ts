import type { RequestContext } from '../context/request-context.js';
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

/** @param onFault told once when a user's function throws; such calls have no key */
export function hashKeyReader(source: HashKeySource, onFault: (fault: string) => void): HashKeyOf {
  return guarded(readerOf(source), (reason) =>
    onFault(`hashKey threw: ${reason}; such calls go to any node`),
  );
}

/**
 * The hash key of calls whose pattern says nothing of it: the field of their data that is marked with `@HashKey()`, else what
 * the service has.
 */
export function defaultHashKey(
  source: HashKeySource | undefined,
  onFault: (fault: string) => void,
): HashKeyOf {
  const marked = guarded(markedKeyOf, (reason) =>
    onFault(`@HashKey() threw: ${reason}; such calls go to any node`),
  );
  if (source === undefined) return marked;
  const read = hashKeyReader(source, onFault);
  return (data, context) => marked(data, context) ?? read(data, context);
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

function guarded(read: Read, onFault: (reason: string) => void): HashKeyOf {
  let told = false;
  return (data, context) => {
    try {
      return asKey(read(data, context));
    } catch (error) {
      if (!told) {
        told = true;
        onFault(reasonOf(error));
      }
      return undefined;
    }
  };
}

function fieldOf(data: unknown, field: string): unknown {
  return typeof data === 'object' && data !== null
    ? (data as Readonly<Record<string, unknown>>)[field]
    : undefined;
}

function asKey(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}
