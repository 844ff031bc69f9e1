import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  acceptsTrailers,
  parseProbeAnswer,
  PLAIN_PROBE,
  probeAnswer,
  PROBE_PATTERN,
  PROBE_REQUEST,
  PROBE_ROUTE,
} from './probe-protocol.js';

describe('probe protocol', () => {
  it('reads back what a server answers', () => {
    const overTheWire: unknown = JSON.parse(JSON.stringify(probeAnswer('orders', ['context'])));
    expect(parseProbeAnswer(overTheWire)).toMatchObject({
      version: 1,
      service: 'orders',
      features: new Set(['context']),
    });
  });

  it('reads back what a server tells of its state', () => {
    const load = { inFlight: 3, utilization: 0.5 };
    const told = probeAnswer('orders', [], { draining: true, load, idempotent: ['quote'] });
    expect(parseProbeAnswer(JSON.parse(JSON.stringify(told)))).toMatchObject({
      draining: true,
      load,
      idempotent: new Set(['quote']),
    });
  });

  it('knows from a probe whether its client reads trailers', () => {
    expect(acceptsTrailers(JSON.parse(JSON.stringify(PROBE_REQUEST)))).toBe(true);
    expect(acceptsTrailers({ lb: 2, accept: ['later', 'trailer'] })).toBe(true);
    for (const request of [
      PLAIN_PROBE,
      {},
      undefined,
      null,
      0,
      'trailer',
      ['trailer'],
      { accept: 'trailer' },
    ])
      expect(acceptsTrailers(request)).toBe(false);
    expect(acceptsTrailers({ accept: [...new Array<string>(100_000).fill('x'), 'trailer'] })).toBe(false);
  });

  it('leaves the name out when the server has none', () => {
    expect(probeAnswer(undefined, [])).toEqual({ lb: 1, features: [] });
    expect(parseProbeAnswer({ lb: 1, features: [] })?.service).toBeUndefined();
  });

  it('takes the answer of a newer server', () => {
    expect(parseProbeAnswer({ lb: 2, features: ['context', 'drain'], more: {} })?.features).toContain(
      'drain',
    );
  });

  it.each([undefined, null, 'ok', 1, [], {}, { lb: '1' }, { lb: 0 }, { lb: 1.5 }, { features: ['context'] }])(
    'does not take %j for an answer of ours',
    (response) => expect(parseProbeAnswer(response)).toBeUndefined(),
  );

  it('leaves out names and features that make no sense', () => {
    const answer = {
      lb: 1,
      service: 'or\r\nders',
      features: ['context', 7, 'UPPER', '', 'x'.repeat(65), { a: 1 }],
    };
    expect(parseProbeAnswer(answer)).toMatchObject({
      version: 1,
      service: undefined,
      features: new Set(['context']),
    });
  });

  it('bounds the number of features', () => {
    const features = Array.from({ length: 10_000 }, (_, index) => `f${index}`);
    expect(parseProbeAnswer({ lb: 1, features })?.features.size).toBe(64);
  });

  it('tells which handlers are idempotent, and tells that from not telling', () => {
    const answer = { lb: 1, idempotent: ['quote', 7, null, 'x'.repeat(4_097), '{"cmd":"sum"}'] };
    expect(parseProbeAnswer(answer)?.idempotent).toEqual(new Set(['quote', '{"cmd":"sum"}']));
    expect(parseProbeAnswer({ lb: 1, idempotent: [] })?.idempotent).toEqual(new Set());
    expect(parseProbeAnswer({ lb: 1 })?.idempotent).toBeUndefined();
    expect(parseProbeAnswer({ lb: 1, idempotent: 'quote' })?.idempotent).toBeUndefined();
  });

  it('bounds the number of handlers', () => {
    const idempotent = Array.from({ length: 20_000 }, (_, index) => `p${index}`);
    expect(parseProbeAnswer({ lb: 1, idempotent })?.idempotent?.size).toBe(10_000);
  });

  it('tells of a drain and of the load, if they make sense', () => {
    expect(parseProbeAnswer({ lb: 1, draining: true, load: { inFlight: 3 } })).toMatchObject({
      draining: true,
      load: { inFlight: 3 },
    });
    expect(parseProbeAnswer({ lb: 1, draining: 'yes', load: 3 })).toMatchObject({
      draining: false,
      load: undefined,
    });
  });

  it.each([
    [PROBE_REQUEST, true],
    [PLAIN_PROBE, false],
    [{ accept: ['gzip', 'trailer'] }, true],
    [{ accept: 'trailer' }, false],
    [{ accept: Array(65).fill('trailer') }, false],
    [null, false],
    ['trailer', false],
  ])('reads out of the request %j whether trailers are understood', (request, understood) =>
    expect(acceptsTrailers(request)).toBe(understood),
  );

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.anything(), (response) => void parseProbeAnswer(response)));
  });

  it('cannot be changed, and its JSON text is its route', () => {
    expect(Object.isFrozen(PROBE_PATTERN)).toBe(true);
    expect(PROBE_ROUTE).toBe('{"nestjs-load-balancer":"probe"}');
  });
});
