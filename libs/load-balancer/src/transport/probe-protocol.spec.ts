import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseProbeAnswer, probeAnswer, PROBE_PATTERN, PROBE_ROUTE } from './probe-protocol.js';

describe('probe protocol', () => {
  it('reads back what a server answers', () => {
    const overTheWire: unknown = JSON.parse(JSON.stringify(probeAnswer('orders', ['context'])));
    expect(parseProbeAnswer(overTheWire)).toEqual({
      version: 1,
      service: 'orders',
      features: new Set(['context']),
    });
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
    expect(parseProbeAnswer(answer)).toEqual({
      version: 1,
      service: undefined,
      features: new Set(['context']),
    });
  });

  it('bounds the number of features', () => {
    const features = Array.from({ length: 10_000 }, (_, index) => `f${index}`);
    expect(parseProbeAnswer({ lb: 1, features })?.features.size).toBe(64);
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.anything(), (response) => void parseProbeAnswer(response)));
  });

  it('cannot be changed, and its JSON text is its route', () => {
    expect(Object.isFrozen(PROBE_PATTERN)).toBe(true);
    expect(PROBE_ROUTE).toBe('{"nestjs-load-balancer":"probe"}');
  });
});
