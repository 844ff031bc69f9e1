import { describe, expect, it } from '@jest/globals';
import { CountryCodePipe } from './country-code.pipe.js';

describe('CountryCodePipe', () => {
  const pipe = new CountryCodePipe();

  it('reads a code in either case', () => {
    expect(pipe.transform('FR', { type: 'param', data: 'code' })).toBe('FR');
    expect(pipe.transform('fr', { type: 'param', data: 'code' })).toBe('FR');
  });

  it.each(['F', 'FRA', 'F1', '', 'ßß', 'F\n'])('refuses %j', (value) => {
    expect(() => pipe.transform(value, { type: 'param', data: 'code' })).toThrow(
      `code: expected a country code of two letters such as FR, got ${JSON.stringify(value)}`,
    );
  });
});
