import { Injectable } from '@nestjs/common';
import type { NearestAnswer, NearestQuery, SearchQuery } from './cities.messages.js';
import type { City } from './city.js';
import { loadCities } from './load-cities.js';
import { NearestIndex } from './nearest-index.js';
import { PrefixIndex } from './prefix-index.js';

/** The cities of the world, indexed for each of the questions that can be asked. */
@Injectable()
export class CitiesService {
  private readonly cities = loadCities();
  private readonly byPlace = new NearestIndex(this.cities);
  private readonly byName = new PrefixIndex(this.cities);
  private readonly byCountry = groupByCountry(this.cities);

  nearest(query: NearestQuery): NearestAnswer {
    const nearest = this.byPlace.find(query);
    if (!nearest) throw new Error('the data set holds no city');
    // To the metre: the coordinates themselves are no more exact.
    return { city: nearest.point, distanceKm: Math.round(nearest.distanceKm * 1000) / 1000 };
  }

  /** At most `limit` cities, most populous first. */
  search({ prefix, limit }: SearchQuery): readonly City[] {
    return this.byName.find(prefix, limit);
  }

  /** The cities of a country, most populous first; none for a country that is not known. */
  ofCountry(country: string): readonly City[] {
    return this.byCountry.get(country) ?? [];
  }
}

function groupByCountry(cities: readonly City[]): ReadonlyMap<string, readonly City[]> {
  const groups = new Map<string, City[]>();
  for (const city of cities) {
    const group = groups.get(city.country);
    if (group) group.push(city);
    else groups.set(city.country, [city]);
  }
  return groups;
}
