import type { City } from './city.js';

/** The messages of this service. Every answer also says which node gave it: see `ServedByInterceptor`. */
export const NEAREST = { cmd: 'cities.nearest' };
export const SEARCH = { cmd: 'cities.search' };
/** Answered with a stream: one emission a city, most populous first. */
export const BY_COUNTRY = { cmd: 'cities.by-country' };

export interface NearestQuery {
  /** -90 to 90 */
  readonly lat: number;
  /** -180 to 180 */
  readonly lon: number;
}

export interface NearestAnswer {
  readonly city: City;
  readonly distanceKm: number;
}

export interface SearchQuery {
  /** 1 to 100 characters; case and accents do not matter. */
  readonly prefix: string;
  /** 1 to 100 */
  readonly limit: number;
}

export interface SearchAnswer {
  /** Most populous first. */
  readonly cities: readonly City[];
}

export interface CountryQuery {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string;
}

export interface CountryAnswer {
  readonly city: City;
}
