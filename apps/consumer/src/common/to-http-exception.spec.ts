import { describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import {
  ConnectFailedError,
  ConnectionLostError,
  DeadlineExceededError,
  InvalidOptionsError,
  NoNodesError,
} from 'nestjs-load-balancer';
import { toHttpException } from './to-http-exception.js';

const failure = { service: 'cities' };

describe('toHttpException', () => {
  it.each([
    [new NoNodesError('cities: all of 10.0.0.1:4001 down', failure), 503, 'NO_NODES'],
    [new ConnectFailedError('10.0.0.1:4001 refused', failure), 503, 'CONNECT_FAILED'],
    [new ConnectionLostError('10.0.0.1:4001 lost', failure), 503, 'CONNECTION_LOST'],
    [new DeadlineExceededError('10.0.0.1:4001 too slow', failure), 504, 'DEADLINE_EXCEEDED'],
    [new InvalidOptionsError([{ path: '10.0.0.1', message: 'wrong' }]), 500, 'INVALID_OPTIONS'],
  ])('tells %s apart, without the address of a node', (error, status, code) => {
    const exception = toHttpException(error);
    expect(exception.getStatus()).toBe(status);
    expect(exception.getResponse()).toMatchObject({ statusCode: status, code });
    expect(JSON.stringify(exception.getResponse())).not.toContain('10.0.0.1');
    expect(exception.cause).toBe(error);
  });

  it.each([
    [{ code: 'INVALID_QUERY', message: 'lat: expected …' }, 400],
    [{ code: 'UNKNOWN_COUNTRY', message: 'no city is known in a country "ZZ"' }, 404],
  ])('hands on what the service refuses: %j', (error, status) => {
    expect(toHttpException(error).getResponse()).toEqual({ statusCode: status, ...error });
  });

  it.each([{ status: 'error', message: 'Internal server error' }, { code: 'constructor' }, {}])(
    'takes any other error of the service for its own fault: %j',
    (error) => {
      expect(toHttpException(error).getStatus()).toBe(502);
    },
  );

  it('leaves HTTP exceptions as they are', () => {
    const exception = new BadRequestException('lat: expected …');
    expect(toHttpException(exception)).toBe(exception);
  });

  it('says nothing about what nobody foresaw', () => {
    const exception = toHttpException(new TypeError('secret of x'));
    expect(exception.getStatus()).toBe(500);
    expect(JSON.stringify(exception.getResponse())).not.toContain('secret');
  });
});
