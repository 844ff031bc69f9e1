import { describe, expect, it } from '@jest/globals';
import { isBaggage, isTraceparent, isTracestate, validTrace } from './trace-context.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const VALID = `00-${TRACE_ID}-${PARENT_ID}-01`;

describe('traceparent', () => {
  it.each([VALID, `01-${TRACE_ID}-${PARENT_ID}-00`, `cc-${TRACE_ID}-${PARENT_ID}-01-what-the-future-brings`])(
    'takes %s',
    (value) => expect(isTraceparent(value)).toBe(true),
  );

  it.each([
    '',
    'x',
    `${VALID}-more`,
    `00-${TRACE_ID}-${PARENT_ID}`,
    `ff-${TRACE_ID}-${PARENT_ID}-01`,
    `00-${'0'.repeat(32)}-${PARENT_ID}-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    VALID.toUpperCase(),
    ` ${VALID}`,
  ])('refuses %j', (value) => expect(isTraceparent(value)).toBe(false));
});

describe('tracestate', () => {
  it.each([
    'congo=t61rcWkgMzE',
    'rojo=00f067aa0ba902b7,congo=t61',
    'a=1, ,b=2',
    'fw529a3039@dt=FfI_rt',
    '1t@sys=x y',
  ])('takes %s', (value) => expect(isTracestate(value)).toBe(true));

  it.each([
    '',
    ',',
    'a',
    'A=1',
    'a=1,a=2',
    'a=b=c',
    '=1',
    'a=é',
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(),
  ])('refuses %j', (value) => expect(isTracestate(value)).toBe(false));
});

describe('baggage', () => {
  it.each(['userId=alice', 'a=1,b=2', 'a = 1 ; ttl=5;secret , b=', 'name=%C3%A9'])('takes %s', (value) =>
    expect(isBaggage(value)).toBe(true),
  );

  it.each([
    '',
    'a',
    '=1',
    'a b=1',
    'a="1"',
    'a=1\u0000',
    'é=1',
    Array.from({ length: 181 }, (_, i) => `k${i}=1`).join(),
  ])('refuses %j', (value) => expect(isBaggage(value)).toBe(false));

  it('is not slowed down by input made to backtrack', () => {
    const startedAt = performance.now();
    expect(isBaggage(`a=b${' ;   '.repeat(2_000)}"`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

describe('validTrace', () => {
  it('keeps what is valid', () => {
    expect(validTrace(VALID, 'a=1', 'b=2')).toEqual({
      traceparent: VALID,
      tracestate: 'a=1',
      baggage: 'b=2',
    });
  });

  it('drops tracestate together with an invalid or missing traceparent, and baggage on its own account', () => {
    const onlyBaggage = { traceparent: undefined, tracestate: undefined, baggage: 'b=2' };
    expect(validTrace('nonsense', 'a=1', 'b=2')).toEqual(onlyBaggage);
    expect(validTrace(undefined, 'a=1', 'b=2')).toEqual(onlyBaggage);
    expect(validTrace(VALID, '!', '!')).toEqual({
      traceparent: VALID,
      tracestate: undefined,
      baggage: undefined,
    });
  });
});
