import { InvalidQueryException } from './cities.exceptions.js';
import type { CountryQuery, NearestQuery, SearchQuery } from './cities.messages.js';

/** What a message carries comes from the wire: it is checked here, once, before a handler sees it. */
export function parseNearestQuery(data: unknown): NearestQuery {
  return { lat: numberField(data, 'lat', -90, 90), lon: numberField(data, 'lon', -180, 180) };
}

export function parseSearchQuery(data: unknown): SearchQuery {
  const limit = numberField(data, 'limit', 1, 100);
  if (!Number.isInteger(limit)) throw invalid('limit', 'an integer from 1 to 100', limit);
  return { prefix: textField(data, 'prefix', /^.{1,100}$/su, '1 to 100 characters'), limit };
}

export function parseCountryQuery(data: unknown): CountryQuery {
  return { country: textField(data, 'country', /^[A-Z]{2}$/, 'two capital letters (ISO 3166-1 alpha-2)') };
}

function numberField(data: unknown, key: string, min: number, max: number): number {
  const value = field(data, key);
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalid(key, `a number from ${min} to ${max}`, value);
}

function textField(data: unknown, key: string, form: RegExp, expected: string): string {
  const value = field(data, key);
  if (typeof value === 'string' && form.test(value)) return value;
  throw invalid(key, expected, value);
}

function field(data: unknown, key: string): unknown {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[key] : undefined;
}

function invalid(key: string, expected: string, value: unknown): InvalidQueryException {
  const got = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 50);
  return new InvalidQueryException(`${key}: expected ${expected}, got ${got}`);
}
