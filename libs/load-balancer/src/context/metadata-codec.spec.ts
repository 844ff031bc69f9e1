import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contextSettings, DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';
import {
  decodeHeaders,
  decodeMetadata,
  encodeContext,
  forwardedMetadata,
  outgoingMetadata,
} from './metadata-codec.js';
import { RequestContext } from './request-context.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const settings = contextSettings({ allow: ['x-tenant', 'x-locale'] });
const everything = { forward: 'all', authorization: true } as const;

function decoded(metadata: unknown): RequestContext {
  return decodeMetadata(metadata, settings);
}

describe('decoding', () => {
  it('takes in what a context is made of', () => {
    const context = decoded({
      'x-request-id': 'r-1',
      traceparent: TRACEPARENT,
      tracestate: 'a=1',
      baggage: 'b=2',
      authorization: 'Bearer t',
      'lb-timeout': '250',
      'x-tenant': 't1',
    });
    expect(context.requestId).toBe('r-1');
    expect(context.traceparent).toBe(TRACEPARENT);
    expect(context.tracestate).toBe('a=1');
    expect(context.baggage).toBe('b=2');
    expect(context.authorization).toBe('Bearer t');
    expect(context.remaining()).toBeGreaterThan(150);
    expect(context.remaining()).toBeLessThanOrEqual(250);
    expect([...context.entries]).toEqual([['x-tenant', 't1']]);
  });

  it('leaves out what is not allowed', () => {
    expect(decoded({ 'x-role': 'admin', 'lb-other': '1', 'x-locale': 'fr' }).entries).toEqual(
      new Map([['x-locale', 'fr']]),
    );
  });

  it('counts the deadline from the arrival of the message, not from when it is first asked for', () => {
    const context = decoded({ 'lb-timeout': '1000' });
    const arrived = performance.now();
    while (performance.now() < arrived + 3);
    expect(context.deadline).toBeLessThanOrEqual(arrived + 1_000);
  });

  it.each(['-1', '1.5', 'NaN', '1e3', '', ' 5', '0x10', '12345678901', '1,2'])(
    'takes %j for no deadline',
    (timeout) => {
      expect(decoded({ 'lb-timeout': timeout }).deadline).toBeUndefined();
    },
  );

  it.each([1, true, null, {}, ['a'], undefined])(
    'leaves out the value %j, which is not a string',
    (value) => {
      expect(decoded({ 'x-tenant': value, authorization: value }).toJSON().entries).toBeUndefined();
      expect(decoded({ authorization: value }).authorization).toBeUndefined();
    },
  );

  it.each(['a\r\nx-role: admin', 'a\nb', 'a\u0000', '\u001b[31m', '\u009b31m', 'a\u2028b'])(
    'refuses %j for its control characters',
    (value) => expect(decoded({ 'x-tenant': value, authorization: value }).get('x-tenant')).toBeUndefined(),
  );

  it.each(['', 'a b', 'é', 'x'.repeat(129), 'a\tb'])(
    'makes up a request id rather than take %j',
    (requestId) => {
      expect(decoded({ 'x-request-id': requestId }).requestId).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('reads names in any case', () => {
    const context = decodeHeaders({ 'X-Request-ID': 'r-1', 'X-Tenant': 't1' }, settings);
    expect([context.requestId, context.get('x-tenant')]).toEqual(['r-1', 't1']);
  });

  it('joins the lines of a header that is a list, and believes neither of two that contradict each other', () => {
    const context = decodeHeaders(
      {
        traceparent: [TRACEPARENT],
        tracestate: ['a=1', 'b=2'],
        'x-request-id': ['r-1', 'r-2'],
        authorization: ['Bearer a', 'Bearer b'],
        'x-tenant': ['t1'],
        'x-locale': [1],
      },
      settings,
    );
    expect(context.tracestate).toBe('a=1,b=2');
    expect(context.requestId).toHaveLength(36);
    expect(context.authorization).toBeUndefined();
    expect([...context.entries]).toEqual([['x-tenant', 't1']]);
  });

  it('believes nobody over HTTP who sets a deadline or claims to be a retry', () => {
    for (const headers of [
      { 'lb-timeout': '1', 'lb-retry': '1' },
      { 'LB-Timeout': '1', 'Lb-Retry': ['1'] },
    ]) {
      const context = decodeHeaders(headers, settings);
      expect([context.deadline, context.isRetry]).toEqual([undefined, false]);
    }
    expect(decoded({ 'lb-timeout': '100', 'lb-retry': '1' }).isRetry).toBe(true);
  });

  it('leaves out a value that is too long', () => {
    const small = contextSettings({ allow: ['x-tenant'], maxValueLength: 8 });
    const context = decodeMetadata({ 'x-tenant': '123456789', 'x-request-id': '12345678' }, small);
    expect(context.get('x-tenant')).toBeUndefined();
    expect(context.requestId).toBe('12345678');
  });

  it('spends a small budget on the most important keys, whatever order they come in', () => {
    const small = contextSettings({ allow: ['x-tenant'], maxTotalLength: 'x-request-id'.length + 3 });
    const context = decodeMetadata({ 'x-tenant': 't1', 'x-request-id': 'r-1' }, small);
    expect(context.requestId).toBe('r-1');
    expect(context.entries.size).toBe(0);
  });

  it('is not misled by the names that every object has', () => {
    const hostile = JSON.parse('{"__proto__":{"x-tenant":"evil"},"constructor":"c","prototype":"p"}');
    const context = decoded(hostile);
    expect(context.entries.size).toBe(0);
    expect(({} as any)['x-tenant']).toBeUndefined();
    expect(decoded(Object.create({ 'x-tenant': 'inherited' })).entries.size).toBe(0);
  });

  it('never throws, and never lets in a key that is not allowed', () => {
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom('__proto__', 'constructor', 'X-TENANT', ...settings.keys),
    );
    const untrusted = fc.oneof(fc.anything(), fc.dictionary(key, fc.oneof(fc.string(), fc.anything())));
    fc.assert(
      fc.property(untrusted, (metadata) => {
        for (const context of [decoded(metadata), decodeHeaders(Object(metadata), settings)]) {
          for (const name of context.entries.keys()) expect(['x-tenant', 'x-locale']).toContain(name);
          expect(context.requestId).toMatch(/^[\x21-\x7e]{1,128}$/);
          JSON.stringify(context);
        }
      }),
    );
  });
});

describe('encoding', () => {
  const context = new RequestContext({
    requestId: 'r-1',
    traceparent: TRACEPARENT,
    tracestate: 'a=1',
    baggage: 'b=2',
    authorization: 'Bearer t',
    entries: [
      ['x-tenant', 't1'],
      ['x-locale', 'fr'],
    ],
  });

  it('leaves out the authorization unless the service opts in', () => {
    expect(encodeContext(context, { forward: 'all', authorization: false })).not.toHaveProperty(
      'authorization',
    );
    expect(encodeContext(context, everything)).toHaveProperty('authorization', 'Bearer t');
  });

  it('forwards only the further keys that are listed, and the authorization not even then', () => {
    const metadata = encodeContext(context, { forward: ['X-Locale', 'authorization'], authorization: false });
    expect(metadata).toEqual({
      'x-request-id': 'r-1',
      traceparent: TRACEPARENT,
      tracestate: 'a=1',
      baggage: 'b=2',
      'x-locale': 'fr',
    });
  });

  it('sends the deadline as the remaining whole milliseconds, never more than there are', () => {
    expect(encodeContext(context, everything, 249.9)['lb-timeout']).toBe('249');
    expect(encodeContext(context, everything, -3)['lb-timeout']).toBe('0');
    expect(encodeContext(context, everything, Infinity)).not.toHaveProperty('lb-timeout');
  });

  it('sends the id under the header that it came in', () => {
    const elsewhere = contextSettings({ requestIdHeader: 'x-correlation-id' });
    const received = decodeMetadata({ 'x-correlation-id': 'c-1' }, elsewhere);
    expect(encodeContext(received, everything)).toEqual({ 'x-correlation-id': 'c-1' });
  });

  it('comes back as it was when decoded', () => {
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 50 });
    const visible = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);
    fc.assert(
      fc.property(
        visible,
        fc.option(value, { nil: undefined }),
        fc.integer({ min: 0, max: 2_147_483_647 }),
        fc.dictionary(fc.constantFrom('x-tenant', 'x-locale'), value),
        (requestId, authorization, remaining, entries) => {
          const before = new RequestContext({ requestId, authorization, entries: Object.entries(entries) });
          const metadata: unknown = JSON.parse(JSON.stringify(encodeContext(before, everything, remaining)));
          const arrivedAt = performance.now();
          const after = decoded(metadata);
          expect(after.requestId).toBe(requestId);
          expect(after.authorization).toBe(authorization);
          expect(after.entries).toEqual(new Map(Object.entries(entries)));
          expect(after.deadline).toBeGreaterThanOrEqual(arrivedAt + remaining);
          expect(after.deadline).toBeLessThan(arrivedAt + remaining + 1_000);
        },
      ),
    );
  });
});

describe('forwardedMetadata', () => {
  it('is what encodeContext gives', () => {
    const context = decoded({ 'x-request-id': 'r-1', 'x-tenant': 't1', authorization: 'Bearer t' });
    expect(forwardedMetadata(context, everything, 99)).toEqual(encodeContext(context, everything, 99));
  });

  it('shares one object between the calls of a request that have no deadline', () => {
    const context = new RequestContext();
    const first = forwardedMetadata(context, everything);
    expect(forwardedMetadata(context, everything)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
  });

  it('keeps services with other settings apart', () => {
    const context = new RequestContext({ authorization: 'Bearer t' });
    expect(forwardedMetadata(context, everything, 5)).toHaveProperty('authorization');
    expect(forwardedMetadata(context, { forward: 'all', authorization: false }, 5)).not.toHaveProperty(
      'authorization',
    );
  });

  it('sends the deadline of a call that no request is behind, and nothing when there is none', () => {
    expect(forwardedMetadata(undefined, everything, 5_000)).toEqual({ 'lb-timeout': '5000' });
    expect(forwardedMetadata(undefined, everything)).toBeUndefined();
  });

  it('works with the default settings', () => {
    expect(decodeMetadata(undefined, DEFAULT_CONTEXT_SETTINGS).requestId).toHaveLength(36);
  });
});

describe('outgoingMetadata', () => {
  const forwarded = Object.freeze({ 'x-request-id': 'r-1', 'x-tenant': 'forwarded' });

  it('sends what a call was given in lower case, in the place of what is forwarded', () => {
    expect(
      outgoingMetadata(forwarded, { 'X-Tenant': 'given', 'X-Other': 'o' }, undefined, undefined),
    ).toEqual({ 'x-request-id': 'r-1', 'x-tenant': 'given', 'x-other': 'o' });
  });

  it('sends what the hook set as it was written, in the place of what differs by case only', () => {
    const hooked = { 'X-Tenant': 'hooked' };
    expect(outgoingMetadata(forwarded, { 'x-tenant': 'given' }, hooked, 250)).toEqual({
      'x-request-id': 'r-1',
      'X-Tenant': 'hooked',
      'lb-timeout': '250',
    });
  });

  it('lets no hook set what is the library’s, in any case', () => {
    const hooked = { 'LB-Timeout': '999999', 'lb-retry': '1', 'x-a': '1' };
    expect(outgoingMetadata(undefined, undefined, hooked, 250)).toEqual({ 'x-a': '1', 'lb-timeout': '250' });
  });

  it('changes nothing that it was given', () => {
    const given = Object.freeze({ 'X-Tenant': 'given' });
    expect(outgoingMetadata(forwarded, given, undefined, 5, true)).toHaveProperty('lb-retry', '1');
    expect([forwarded['x-tenant'], Object.keys(given)]).toEqual(['forwarded', ['X-Tenant']]);
  });

  it('is nothing when there is nothing to send', () => {
    expect(outgoingMetadata(undefined, undefined, undefined, undefined)).toBeUndefined();
    expect(outgoingMetadata(undefined, undefined, undefined, 9.9)).toEqual({ 'lb-timeout': '9' });
  });
});
