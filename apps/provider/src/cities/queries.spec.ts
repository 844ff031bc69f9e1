import { describe, expect, it } from '@jest/globals';
import { parseCountryQuery, parseNearestQuery, parseSearchQuery } from './queries.js';

function problemOf(parse: () => unknown): unknown {
  try {
    parse();
  } catch (error) {
    return (error as { getError(): unknown }).getError();
  }
  return 'none';
}

describe('queries', () => {
  it('takes what is in range, and only the fields it knows', () => {
    expect(parseNearestQuery({ lat: -90, lon: 180, more: 1 })).toEqual({ lat: -90, lon: 180 });
    expect(parseSearchQuery({ prefix: 'par', limit: 100 })).toEqual({ prefix: 'par', limit: 100 });
    expect(parseCountryQuery({ country: 'FR' })).toEqual({ country: 'FR' });
  });

  it.each([
    [() => parseNearestQuery({ lat: 90.1, lon: 0 }), 'lat: expected a number from -90 to 90, got 90.1'],
    [() => parseNearestQuery({ lat: 0, lon: '2' }), 'lon: expected a number from -180 to 180, got "2"'],
    [() => parseNearestQuery(null), 'lat: expected a number from -90 to 90, got nothing'],
    [
      () => parseSearchQuery({ prefix: 'a', limit: 1.5 }),
      'limit: expected an integer from 1 to 100, got 1.5',
    ],
    [() => parseSearchQuery({ prefix: '', limit: 1 }), 'prefix: expected 1 to 100 characters, got ""'],
    [
      () => parseCountryQuery({ country: 'fr' }),
      'country: expected two capital letters (ISO 3166-1 alpha-2), got "fr"',
    ],
  ])('tells what was expected and what came', (parse, message) => {
    expect(problemOf(parse)).toEqual({ code: 'INVALID_QUERY', message });
  });

  it('does not send a huge value back', () => {
    const problem = problemOf(() => parseSearchQuery({ prefix: 'x'.repeat(10_000), limit: 1 }));
    expect(JSON.stringify(problem).length).toBeLessThan(200);
  });
});
