import { describe, expect, it } from '@jest/globals';
import { contextSettings } from './context-settings.js';
import { openHttpContext } from './http-context.js';

const settings = contextSettings({ requestIdHeader: 'x-correlation-id', allow: ['x-tenant'] });

function response(headersSent = false) {
  const headers: Record<string, string> = {};
  return { headers, headersSent, setHeader: (name: string, value: string) => (headers[name] = value) };
}

describe('openHttpContext', () => {
  it('opens one context for a request, whether it is asked with the raw request or with Fastify’s', () => {
    const raw = { headers: { 'x-correlation-id': 'c-1', 'x-tenant': 't1' } };
    const context = openHttpContext(raw, response(), settings);
    expect([context.requestId, context.get('x-tenant')]).toEqual(['c-1', 't1']);
    expect(openHttpContext({ headers: {}, raw }, response(), settings)).toBe(context);
    expect(openHttpContext({ headers: {} }, response(), settings)).not.toBe(context);
  });

  it('tells the id in the response, under the header of the settings', () => {
    const answer = response();
    const context = openHttpContext({ headers: {} }, { raw: answer }, settings);
    expect(answer.headers).toEqual({ 'x-correlation-id': context.requestId });
  });

  it('leaves a response alone whose headers are sent', () => {
    const answer = response(true);
    openHttpContext({ headers: {} }, answer, settings);
    expect(answer.headers).toEqual({});
  });

  it('never echoes an id that forges headers', () => {
    const answer = response();
    openHttpContext({ headers: { 'x-correlation-id': 'a\r\nset-cookie: b' } }, answer, settings);
    expect(answer.headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});
