/**
 * The messages of the `cities` service as this app uses them. A copy of what the provider declares, not an import: the two
 * are deployed apart, and share what goes over the wire and nothing else.
 */
export const NEAREST = { cmd: 'cities.nearest' };
export const SEARCH = { cmd: 'cities.search' };
/** Answered with a stream: one emission a city, most populous first. */
export const BY_COUNTRY = { cmd: 'cities.by-country' };

interface City {
  /** Its GeoNames id. */
  readonly id: number;
  readonly name: string;
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string;
  readonly population: number;
  readonly lat: number;
  readonly lon: number;
}

/** Every answer says which node gave it. */
interface Served {
  readonly servedBy: string;
}

export interface NearestAnswer extends Served {
  readonly city: City;
  readonly distanceKm: number;
}

export interface SearchAnswer extends Served {
  readonly cities: readonly City[];
}

export interface CountryAnswer extends Served {
  readonly city: City;
}
