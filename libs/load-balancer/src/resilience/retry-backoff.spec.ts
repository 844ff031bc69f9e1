import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_RETRY_BACKOFF, parsePushBack, retryDelay } from './retry-backoff.js';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('retryDelay', () => {
  const longest = (step: number, remaining = Infinity) =>
    Math.round(retryDelay(DEFAULT_RETRY_BACKOFF, step, remaining, () => 1 - 1e-12) ?? NaN);

  it('doubles the interval from 50 ms to a second', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map((step) => longest(step))).toEqual([
      50, 100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  it('spreads over the whole interval, down to no delay', () => {
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 3, Infinity, () => 0)).toBe(0);
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 3, Infinity, () => 0.5)).toBe(200);
  });

  it('ends the interval where the deadline leaves no room for an attempt', () => {
    expect(longest(3, 101)).toBe(100);
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 0, 0.9, () => 0)).toBeUndefined();
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 0, -5, () => 0)).toBeUndefined();
  });

  it('obeys a push-back to the millisecond, beyond its own maximum, or gives up when it does not fit', () => {
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 0, Infinity, () => 0.5, 7_000)).toBe(7_000);
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 4, 500, () => 0.5, 0)).toBe(0);
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 0, 300, () => 0.5, 299)).toBe(299);
    expect(retryDelay(DEFAULT_RETRY_BACKOFF, 0, 300, () => 0.5, 300)).toBeUndefined();
  });

  it('never waits past the deadline', () => {
    const remaining = fc.double({ min: -100, max: 5_000, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(2_000),
        remaining,
        random,
        fc.option(fc.nat(6_000), { nil: undefined }),
        (step, left, r, pushBack) => {
          const delay = retryDelay(DEFAULT_RETRY_BACKOFF, step, left, () => r, pushBack);
          if (delay === undefined) return;
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(left - 1);
        },
      ),
    );
  });
});

describe('parsePushBack', () => {
  it('reads milliseconds as a number or as text', () => {
    expect([0, 12.5, '0', '250', 2_147_483_647].map(parsePushBack)).toEqual([0, 12.5, 0, 250, 2_147_483_647]);
  });

  it('tells silence from a push-back', () => {
    expect(parsePushBack(undefined)).toBeUndefined();
  });

  it.each([
    -1,
    '-1',
    NaN,
    Infinity,
    2_147_483_648,
    '2147483648',
    '',
    '007',
    '1e3',
    ' 5',
    '5 s',
    null,
    true,
    {},
    [],
    [5],
    'Wed',
  ])('takes %p for a wish not to be retried', (value) => expect(parsePushBack(value)).toBe('never'));
});
