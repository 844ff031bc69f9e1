import { reasonOf } from '../transport/reason.js';

/**
 * Where the hash key of a call comes from: the name of a field of its data, or a function of the data.
 *
 * @example
 * ```ts
 * patterns: {
 *   cart: { hashKey: 'customerId' },
 *   quote: { hashKey: (quote: QuoteDto) => `${quote.from}-${quote.to}` },
 * }
 * ```
 */
export type HashKeySource = string | ((data: never) => string | number | undefined);

/** The hash key of a call with this data; `undefined` when it has none. Never throws. */
export type HashKeyOf = (data: unknown) => string | undefined;

/** @param onFault told once when a user's function throws; such calls have no key */
export function hashKeyReader(source: HashKeySource, onFault: (fault: string) => void): HashKeyOf {
  const read: (data: unknown) => unknown =
    typeof source === 'string' ? (data) => fieldOf(data, source) : (source as (data: unknown) => unknown);
  let told = false;
  return (data) => {
    try {
      return asKey(read(data));
    } catch (error) {
      if (!told) {
        told = true;
        onFault(`hashKey threw: ${reasonOf(error)}; such calls go to any node`);
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
