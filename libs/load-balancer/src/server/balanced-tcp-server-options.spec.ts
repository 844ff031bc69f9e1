import { describe, expect, it } from '@jest/globals';
import { JsonSocket } from '@nestjs/microservices';
import { InvalidOptionsError } from '../errors.js';
import { checkServerOptions } from './balanced-tcp-server-options.js';

function problemsOf(options: unknown): readonly { path: string; message: string }[] {
  try {
    checkServerOptions(options);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems;
  }
}

describe('options of BalancedTcpServer', () => {
  it('are taken when they are right', () => {
    const options = {
      host: '::1',
      port: 0,
      tlsOptions: {},
      socketClass: JsonSocket,
      serializer: { serialize: (value: unknown) => value },
      deserializer: { deserialize: (value: unknown) => value },
      maxBufferSize: 1,
      incompleteMessageTimeout: 0,
      maxSendBufferSize: 0,
      service: 'orders',
      context: { allow: ['x-tenant'] },
    };
    expect(problemsOf(options)).toEqual([]);
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ host: undefined, context: undefined })).toEqual([]);
  });

  it('are refused with every problem at once, each with its path', () => {
    const problems = problemsOf({
      port: 70_000,
      prot: 1,
      service: 'a b',
      context: { allow: ['X'] },
      drainTimeout: 5,
    });
    expect(problems.map(({ path }) => path)).toEqual([
      'BalancedTcpServer.port',
      'BalancedTcpServer.prot',
      'BalancedTcpServer.service',
      'BalancedTcpServer.context.allow[0]',
      'BalancedTcpServer.drainTimeout',
    ]);
    expect(problems[0]?.message).toBe('expected an integer from 0 to 65535, got 70000');
  });

  it.each([
    ['host', ''],
    ['host', 5],
    ['port', '4001'],
    ['port', -1],
    ['tlsOptions', true],
    ['socketClass', {}],
    ['serializer', {}],
    ['deserializer', () => undefined],
    ['maxBufferSize', 0],
    ['incompleteMessageTimeout', 1.5],
    ['maxSendBufferSize', NaN],
    ['service', ''],
    ['service', 'a\r\nb'],
    ['service', null],
    ['toString', 1],
  ])('refuse %s: %j', (key, value) => {
    expect(problemsOf({ [key]: value }).map(({ path }) => path)).toEqual([`BalancedTcpServer.${key}`]);
  });

  it.each([null, [], 'x'])('are not %j', (options) => expect(problemsOf(options)).toHaveLength(1));

  it('do not show the content of what they refuse', () => {
    expect(problemsOf({ port: { key: 'secret' } })[0]?.message).not.toContain('secret');
  });
});
