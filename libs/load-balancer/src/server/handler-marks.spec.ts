import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../errors.js';
import { Cost, marksOf } from './handler-marks.js';

// Where the marks go, on real handlers, is held by balanced-tcp-server.spec.ts.
describe('@Cost()', () => {
  it.each([0, -1, 1.5, NaN, Infinity, 1_000_001, '2', undefined])('refuses %p', (cost) => {
    expect(() => Cost(cost as number)).toThrow(InvalidOptionsError);
    expect(() => Cost(cost as number)).toThrow('@Cost(): expected an integer from 1 to 1000000');
  });
});

describe('marksOf', () => {
  it.each([undefined, {}, { 'nestjs-load-balancer': null }, { 'nestjs-load-balancer': 'x' }])(
    'finds none in %j',
    (extras) => expect(marksOf(extras)).toEqual({}),
  );
});
