import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { NoNodesError } from 'nestjs-load-balancer';
import { refusalToHttp } from './refusal.js';

function answerTo(error: unknown): unknown {
  const exception = refusalToHttp(error);
  if (!(exception instanceof HttpException)) throw new Error('expected an exception of Nest');
  return exception.getResponse();
}

describe('refusalToHttp', () => {
  it.each([
    [{ code: 'INVALID_QUERY', message: 'lat: expected …' }, 400, 'Bad Request'],
    [{ code: 'UNKNOWN_COUNTRY', message: 'no city is known in a country "ZZ"' }, 404, 'Not Found'],
  ])('hands on what the service refuses: %j', (refusal, statusCode, error) => {
    expect(answerTo(refusal)).toEqual({ statusCode, error, ...refusal });
  });

  it.each([{ status: 'error', message: 'secret of x' }, { code: 'constructor' }, {}, null, 'text'])(
    'takes any other error of the service for its own fault, and says nothing about it: %j',
    (error) => {
      expect(answerTo(error)).toEqual({
        statusCode: 502,
        message: 'the service failed to answer',
        error: 'Bad Gateway',
      });
    },
  );

  it('leaves errors of the call itself as they are', () => {
    const error = new NoNodesError('cities: 10.0.0.1:4001 is down', { service: 'cities' });
    expect(refusalToHttp(error)).toBe(error);
  });
});
