import { describe, expect, it } from '@jest/globals';
import { nextIndex } from './blocking-index.js';

describe('nextIndex', () => {
  it.each([
    ['goes on from the first one', undefined, '7', 7n],
    ['goes on from one that grew', 7n, '12', 12n],
    ['goes on from the same one', 7n, '7', 7n],
    ['takes all of 64 bits', 7n, '18446744073709551615', 18446744073709551615n],
    ['begins anew when it went backwards', 12n, '7', undefined],
    ['begins anew at 0', 12n, '0', undefined],
    ['begins anew when there is none', 12n, undefined, undefined],
    ['begins anew when it is no number', 12n, 'abc', undefined],
    ['begins anew when it is negative', undefined, '-1', undefined],
    ['begins anew when it is a list', undefined, ['7'], undefined],
    ['begins anew when it is endless', undefined, '9'.repeat(1_000_000), undefined],
  ])('%s', (_, previous, header, next) => expect(nextIndex(previous, header)).toBe(next));
});
