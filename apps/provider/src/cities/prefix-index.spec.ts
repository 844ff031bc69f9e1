import { describe, expect, it } from '@jest/globals';
import { fold } from './fold.js';
import { loadCities } from './load-cities.js';
import { PrefixIndex } from './prefix-index.js';

const names = (found: readonly { name: string }[]) => found.map(({ name }) => name);

describe('PrefixIndex', () => {
  const index = new PrefixIndex([
    { name: 'Paris' },
    { name: 'Łódź' },
    { name: 'Parma' },
    { name: 'Pará' },
    { name: 'Oslo' },
    { name: 'Paris' },
  ]);

  it('finds what begins with the prefix, in the order of rank', () => {
    expect(names(index.find('par', 10))).toEqual(['Paris', 'Parma', 'Pará', 'Paris']);
    expect(names(index.find('pari', 10))).toEqual(['Paris', 'Paris']);
  });

  it('does not mind case and accents, on either side', () => {
    expect(names(index.find('LODZ', 10))).toEqual(['Łódź']);
    expect(names(index.find('parà', 10))).toEqual(['Pará']);
  });

  it('gives no more than asked for', () => {
    expect(names(index.find('p', 2))).toEqual(['Paris', 'Parma']);
  });

  it('finds nothing before the first, between two and after the last name', () => {
    expect([...index.find('aa', 10), ...index.find('pas', 10), ...index.find('zz', 10)]).toEqual([]);
  });

  it('answers the same again: a search leaves the index as it was', () => {
    expect(index.find('par', 10)).toEqual(index.find('par', 10));
    expect(names(index.find('o', 10))).toEqual(['Oslo']);
  });

  it('finds among all cities what a search of every city finds', () => {
    const cities = loadCities();
    const all = new PrefixIndex(cities);
    for (const prefix of ['par', 'Saint-', 'å', 'new y', 'München', 'x', "l'", 'zz']) {
      const expected = cities.filter(({ name }) => fold(name).startsWith(fold(prefix))).slice(0, 25);
      expect(all.find(prefix, 25)).toEqual(expected);
    }
  });
});
