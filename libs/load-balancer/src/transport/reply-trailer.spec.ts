import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { boundedFigures, parseLoadReport, parseTrailer } from './reply-trailer.js';

const LOAD = { inFlight: 12, latency: 3.5, loopDelay: 0.4, utilization: 0.31, custom: { queue: 7 } };

describe('a trailer', () => {
  it('comes back as it was sent', () => {
    const trailer = { load: LOAD, draining: true, refused: 'overloaded', retryAfter: 250 };
    expect(parseTrailer(JSON.parse(JSON.stringify(trailer)))).toEqual(trailer);
  });

  it.each([
    undefined,
    null,
    1,
    'draining',
    true,
    [],
    {},
    { other: 1 },
    { draining: 'yes' },
    { refused: 'no' },
  ])('is none when it says nothing that is known: %j', (value) =>
    expect(parseTrailer(value)).toBeUndefined(),
  );

  it('keeps what makes sense and leaves out the rest', () => {
    expect(parseTrailer({ draining: 1, refused: 'draining', load: { inFlight: 'many' }, more: {} })).toEqual({
      refused: 'draining',
    });
    expect(parseTrailer({ draining: true, refused: ['draining'] })).toEqual({ draining: true });
  });

  it.each([-1, NaN, null, 'soon', '1e3', {}, 1e12])(
    'wants no retry when it says %j of when to come back',
    (retryAfter) => expect(parseTrailer({ retryAfter })).toEqual({ retryAfter: 'never' }),
  );

  it('is read from whatever comes without an error, and into nothing but what is known', () => {
    const wild = fc.oneof(
      fc.anything(),
      fc.record(
        {
          load: fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.anything())),
          draining: fc.anything(),
          refused: fc.oneof(fc.constantFrom('draining', 'overloaded', 'expired'), fc.anything()),
          retryAfter: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(wild, (value) => {
        const trailer = parseTrailer(value);
        if (trailer === undefined) return;
        const { load, draining, refused, retryAfter, ...others } = trailer;
        expect(others).toEqual({});
        expect(Object.keys(trailer)).not.toEqual([]);
        expect([undefined, true]).toContain(draining);
        expect([undefined, 'draining', 'overloaded', 'expired']).toContain(refused);
        if (typeof retryAfter === 'number') expect(retryAfter).toBeGreaterThanOrEqual(0);
        else expect([undefined, 'never']).toContain(retryAfter);
        if (load) expect(load.inFlight).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a load report', () => {
  it('says nothing without its count of requests', () => {
    expect(parseLoadReport({ latency: 3 })).toBeUndefined();
    expect(parseLoadReport({ inFlight: -1 })).toBeUndefined();
    expect(parseLoadReport('12')).toBeUndefined();
  });

  it('leaves out amounts that are none, and bounds a share', () => {
    expect(
      parseLoadReport({
        inFlight: 0,
        latency: -1,
        rate: '9',
        errorRate: 1.5,
        loopDelay: Infinity,
        utilization: 7,
      }),
    ).toEqual({
      inFlight: 0,
      latency: undefined,
      rate: undefined,
      errorRate: 1,
      loopDelay: undefined,
      utilization: 1,
      custom: undefined,
    });
  });
});

describe('figures of an operator', () => {
  it('are taken when they are finite and plainly named', () => {
    const figures: unknown = JSON.parse(
      '{"queue":7,"temp.cpu-1":-3.5,"":1,"9lives":9,"a b":1,"text":"1","nothing":null,"__proto__":{"x":1},"constructor":1}',
    );
    expect(boundedFigures(figures)).toEqual({ queue: 7, 'temp.cpu-1': -3.5 });
    expect(boundedFigures({ infinite: Infinity })).toBeUndefined();
    expect(boundedFigures([1, 2])).toBeUndefined();
  });

  it('are not endless', () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, i]));
    expect(Object.keys(boundedFigures(many) ?? {})).toHaveLength(32);
    expect(boundedFigures({ ['x'.repeat(65)]: 1 })).toBeUndefined();
  });

  it('never change a prototype', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (value) => {
        const figures = boundedFigures(value);
        if (figures) expect(Object.getPrototypeOf(figures)).toBe(Object.prototype);
      }),
    );
  });
});
