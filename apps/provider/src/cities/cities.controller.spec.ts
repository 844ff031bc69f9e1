import { beforeAll, describe, expect, it } from '@jest/globals';
import { lastValueFrom, toArray } from 'rxjs';
import { CitiesController } from './cities.controller.js';
import { CitiesService } from './cities.service.js';

describe('CitiesController', () => {
  let controller: CitiesController;
  beforeAll(() => {
    controller = new CitiesController(new CitiesService());
  });

  it('finds the city nearest to a coordinate, and how far it is', () => {
    const { city, distanceKm } = controller.nearest({ lat: 48.8534, lon: 2.3488 });
    expect(city).toMatchObject({ id: 2988507, name: 'Paris', country: 'FR', population: 2138551 });
    expect(distanceKm).toBeLessThan(0.01);
  });

  it('finds the nearest city across the antimeridian: Fiji, not Africa', () => {
    expect(controller.nearest({ lat: -16.8, lon: -179.99 }).city.country).toBe('FJ');
  });

  it('finds the northernmost town from the pole, whatever the longitude', () => {
    const found = [-180, -90, 0, 90, 180].map((lon) => controller.nearest({ lat: 90, lon }).city.name);
    expect(new Set(found)).toEqual(new Set(['Longyearbyen']));
  });

  it('searches by prefix, most populous first and no more than asked for', () => {
    const { cities } = controller.search({ prefix: 'PAR', limit: 5 });
    expect(cities).toHaveLength(5);
    expect(cities[0]?.name).toBe('Paris');
    const populations = cities.map(({ population }) => population);
    expect(populations).toEqual([...populations].sort((a, b) => b - a));
  });

  it('streams every city of a country once, most populous first', async () => {
    const answers = await lastValueFrom(controller.byCountry({ country: 'FR' }).pipe(toArray()));
    const cities = answers.map(({ city }) => city);
    expect(cities.slice(0, 3).map(({ name }) => name)).toEqual(['Paris', 'Marseille', 'Lyon']);
    expect(new Set(cities.map(({ id }) => id)).size).toBe(8836);
    expect(new Set(cities.map(({ country }) => country))).toEqual(new Set(['FR']));
  });

  it('refuses a country without cities by name', () => {
    expect(() => controller.byCountry({ country: 'ZZ' })).toThrow(
      expect.objectContaining({
        error: { code: 'UNKNOWN_COUNTRY', message: 'no city is known in a country "ZZ"' },
      }),
    );
  });
});
