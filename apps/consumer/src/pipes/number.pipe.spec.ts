import { describe, expect, it } from '@jest/globals';
import { NumberPipe } from './number.pipe.js';

describe('NumberPipe', () => {
  const lat = new NumberPipe({ min: -90, max: 90 });
  const limit = new NumberPipe({ min: 1, max: 100, integer: true, default: 10 });

  it.each([
    ['48.86', 48.86],
    ['-90', -90],
    ['+90', 90],
    ['.5', 0.5],
    ['0', 0],
    ['-33.', -33],
  ])('reads %s', (text, number) => {
    expect(lat.transform(text, { type: 'query', data: 'lat' })).toBe(number);
  });

  it.each(['abc', '', ' ', '90.0001', '-91', 'NaN', 'Infinity', '0x10', '1e1', '1,5', '1 2'])(
    'refuses %j',
    (text) => {
      expect(() => lat.transform(text, { type: 'query', data: 'lat' })).toThrow(
        `lat: expected a number from -90 to 90, got ${JSON.stringify(text)}`,
      );
    },
  );

  it('refuses what is not there, and what is there twice', () => {
    expect(() => lat.transform(undefined, { type: 'query', data: 'lat' })).toThrow(/got nothing$/);
    expect(() => lat.transform(['1', '2'], { type: 'query', data: 'lat' })).toThrow(/got \["1","2"\]$/);
  });

  it('falls back to the default only when the parameter is left out', () => {
    expect(limit.transform(undefined, { type: 'query', data: 'limit' })).toBe(10);
    expect(() => limit.transform('', { type: 'query', data: 'limit' })).toThrow(
      'limit: expected an integer from 1 to 100, got ""',
    );
  });

  it('refuses a fraction where an integer is wanted', () => {
    expect(() => limit.transform('1.5', { type: 'query', data: 'limit' })).toThrow('got "1.5"');
  });

  it('does not send a huge value back', () => {
    expect(() => lat.transform('9'.repeat(10_000), { type: 'query', data: 'lat' })).toThrow(/got "9{49}…$/);
  });
});
