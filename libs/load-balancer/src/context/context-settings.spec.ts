import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../errors.js';
import { contextOptionsProblems, contextSettings } from './context-settings.js';

describe('context options', () => {
  it('have the documented defaults', () => {
    expect(contextSettings(undefined)).toMatchObject({
      requestIdHeader: 'x-request-id',
      maxValueLength: 8_192,
      maxTotalLength: 16_384,
    });
  });

  it('add the allowed keys to those that are always taken in', () => {
    const { keys } = contextSettings({ allow: ['x-tenant'], requestIdHeader: 'x-correlation-id' });
    expect([...keys].sort()).toEqual(
      [
        'authorization',
        'baggage',
        'lb-retry',
        'lb-timeout',
        'traceparent',
        'tracestate',
        'x-correlation-id',
        'x-tenant',
      ].sort(),
    );
  });

  it('are refused with every problem at once', () => {
    const options = { alow: [], allow: ['X-Tenant', 'a b', 7], maxValueLength: 0, maxTotalLength: 1.5 };
    const problems = contextOptionsProblems(options, 'context');
    expect(problems.map((problem) => problem.path)).toEqual([
      'context.alow',
      'context.allow[0]',
      'context.allow[1]',
      'context.allow[2]',
      'context.maxValueLength',
      'context.maxTotalLength',
    ]);
    expect(problems[1]?.message).toContain('got "X-Tenant"');
    expect(() => contextSettings(options as never)).toThrow(InvalidOptionsError);
  });

  it.each(['authorization', 'traceparent', 'tracestate', 'baggage', 'lb-timeout', 'lb-x', 'x-request-id'])(
    'do not let users claim %s, which the context handles itself',
    (key) => expect(contextOptionsProblems({ allow: [key] }, 'context')).toHaveLength(1),
  );

  it.each(['__proto__', 'constructor', 'prototype', '', 'x'.repeat(129), 'x:y', 'é'])(
    'do not allow the key %j',
    (key) => {
      expect(contextOptionsProblems({ allow: [key] }, 'context')).toHaveLength(1);
      expect(contextOptionsProblems({ requestIdHeader: key }, 'context')).toHaveLength(1);
    },
  );

  it.each([null, [], 'x', 5])('are not %j', (options) => {
    expect(contextOptionsProblems(options, 'context')).toHaveLength(1);
  });
});
