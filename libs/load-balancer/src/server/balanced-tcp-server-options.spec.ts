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
      drainTimeout: 0,
      drainOnSigterm: false,
      limits: { maxInFlight: 100, adaptive: { max: 50 }, priorities: { search: 1, '{"cmd":"report"}': 3 } },
      report: () => ({ queued: 1 }),
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
      drainTimeout: -1,
      limits: { maxInFlght: 5, priorities: { a: 4, b: 2 } },
    });
    expect(problems.map(({ path }) => path)).toEqual([
      'BalancedTcpServer.port',
      'BalancedTcpServer.prot',
      'BalancedTcpServer.service',
      'BalancedTcpServer.context.allow[0]',
      'BalancedTcpServer.drainTimeout',
      'BalancedTcpServer.limits.maxInFlght',
      'BalancedTcpServer.limits.priorities.a',
      'BalancedTcpServer.limits.priorities',
    ]);
    expect(problems[0]?.message).toBe('expected an integer from 0 to 65535, got 70000');
    expect(problems.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        'unknown option; did you mean "port"?',
        'unknown option; did you mean "maxInFlight"?',
        'expected 0, 1, 2 or 3, got 4',
        'expected a limit beside it: maxInFlight, adaptive or both',
      ]),
    );
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
    ['drainTimeout', Infinity],
    ['drainTimeout', 3_000_000_000],
    ['drainOnSigterm', 'SIGTERM'],
    ['limits', 5],
    ['report', { queued: 1 }],
    ['toString', 1],
  ])('refuse %s: %j', (key, value) => {
    expect(problemsOf({ [key]: value }).map(({ path }) => path)).toEqual([`BalancedTcpServer.${key}`]);
  });

  it.each([
    ['maxInFlight', 0],
    ['adaptive', 'yes'],
    ['priorities', ['search']],
  ])('refuse limits.%s: %j', (key, value) => {
    expect(problemsOf({ limits: { maxInFlight: 9, [key]: value } }).map(({ path }) => path)).toEqual([
      `BalancedTcpServer.limits.${key}`,
    ]);
  });

  it.each([
    [{ adaptive: { max: 5 } }, 'adaptive.max: expected at least the min (8), got 5'],
    [{ adaptive: { min: 2_000 } }, 'adaptive.min: expected at most the max (1000), got 2000'],
    [{ adaptive: true, maxInFlight: 5 }, 'adaptive.min: expected at most maxInFlight (5), got 8'],
    [{ adaptive: { initial: 5 } }, 'adaptive.initial: expected from the min (8) to the max (1000), got 5'],
  ])('refuse bounds that leave an adaptive limit no room: %j', (limits, problem) => {
    const [{ path, message } = {}] = problemsOf({ limits });
    expect(`${path}: ${message}`).toBe(`BalancedTcpServer.limits.${problem}`);
  });

  it('refuse limits of the framing beside a socketClass that never hears of them', () => {
    class Framing extends JsonSocket {}
    const limits = { maxBufferSize: 1, incompleteMessageTimeout: 1, maxSendBufferSize: 1 };
    expect(problemsOf({ socketClass: Framing, ...limits })).toEqual(
      Object.keys(limits).map((option) => ({
        path: `BalancedTcpServer.${option}`,
        message: 'has no effect on a socketClass of your own, which has to see to it',
      })),
    );
    expect(problemsOf({ socketClass: Framing })).toEqual([]);
  });

  it.each([null, [], 'x'])('are not %j', (options) => expect(problemsOf(options)).toHaveLength(1));

  it('do not show the content of what they refuse', () => {
    expect(problemsOf({ port: { key: 'secret' } })[0]?.message).not.toContain('secret');
  });
});
