import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidOptionsError } from '../../errors.js';
import { simulate } from './simulate.js';
import type { SimulationOptions } from './simulation-options.js';

function problems(options: unknown): string[] {
  try {
    simulate(options as SimulationOptions);
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

const VALID = { duration: 100, servers: [{ serviceTime: 10 }], load: 0.5 };

it('tells every problem at once, each with its path', () => {
  expect(
    problems({
      sede: 1,
      duration: 'long',
      servers: [{ count: 0 }, { serviceTime: 10, name: 'a b', limits: { maxInFlight: 0 } }],
      clients: [{ count: 1.5 }],
      load: 0,
      service: { strategy: 'least-loadad', retry: { maxAttempts: 0 } },
      events: [
        { type: 'stal', at: 1 },
        { type: 'stall', at: -1 },
      ],
    }),
  ).toEqual([
    'sede: unknown option; did you mean "seed"?',
    'duration: expected a number ≥ 1 (milliseconds), got "long"',
    'servers[0].count: expected an integer ≥ 1, got 0',
    'servers[0].serviceTime: missing',
    'servers[1].name: expected 1 to 40 letters, digits and dashes, got "a b"',
    'servers[1].limits.maxInFlight: expected an integer ≥ 1, got 0',
    'clients[0].count: expected an integer ≥ 1, got 1.5',
    'load: expected a number above 0, got 0',
    'events[0].type: expected "stall" or "partition" or "crash" or "slow-down" or "deploy", got "stal"',
    'events[1].at: expected a number ≥ 0 (milliseconds), got -1',
    'events[1].for: missing',
    'service.retry.maxAttempts: expected an integer from 1 to 5, got 0',
    'service.strategy: unknown strategy "least-loadad"; did you mean "least-loaded"?',
  ]);
});

describe('refuses what contradicts itself', () => {
  it.each<[string, object, string[]]>([
    ['no servers', { servers: [] }, ['servers: expected at least one group of servers']],
    ['no clients', { clients: [] }, ['clients: expected at least one group of clients']],
    ['no load', { load: undefined }, ['load: expected either this or callsPerSecond, got neither']],
    ['two loads', { callsPerSecond: 10 }, ['load: expected either this or callsPerSecond, got both']],
    ['nothing measured', { warmUp: 100 }, ['warmUp: expected less than the duration (100), got 100']],
    [
      'two groups of one name',
      { servers: [{ serviceTime: 10 }, { serviceTime: 20 }] },
      ['servers[1].name: there is another group named "server"'],
    ],
    [
      'limits of a stock server',
      { servers: [{ serviceTime: 10, stock: true, limits: { maxInFlight: 5 } }] },
      ['servers[0].limits: a stock server has none; leave out one of stock and limits'],
    ],
    [
      'a client in two zones',
      {
        clients: [{ zone: 'a' }, { zone: 'b' }, { zone: 'c', service: { locality: { zone: false } } }],
        service: { locality: { zone: 'b' } },
      },
      ['clients[0].zone: the service\'s locality.zone says "b"; say it once'],
    ],
    [
      'an event for nobody',
      { events: [{ type: 'crash', at: 1, of: 'slow' }] },
      ['events[0].of: there is no group of servers named "slow"'],
    ],
    [
      'an event for more than there are',
      { events: [{ type: 'crash', at: 1, count: 2 }] },
      ['events[0].count: expected at most 1, got 2'],
    ],
    [
      'an event after the end',
      {
        events: [
          { type: 'crash', at: 99 },
          { type: 'deploy', at: 100 },
        ],
      },
      ['events[1].at: expected less than the duration (100), got 100'],
    ],
  ])('%s', (_, options, expected) => {
    expect(problems({ ...VALID, ...options })).toEqual(expected);
  });
});

it('tells contradictions beside what is wrong by itself', () => {
  expect(
    problems({
      sede: 1,
      duration: 100,
      warmUp: 200,
      servers: [{ serviceTime: 10 }, { serviceTime: -1 }],
      clients: 0,
      load: 0.5,
      callsPerSecond: 10,
      service: { hedge: { delay: 30 } },
      events: [
        { type: 'crash', at: 1, of: 'slow' },
        { type: 'crash', at: 1, count: 20 },
      ],
    }),
  ).toEqual([
    'sede: unknown option; did you mean "seed"?',
    'servers[1].serviceTime: expected a number above 0, got -1',
    'clients: expected an integer ≥ 1, got 0',
    'load: expected either this or callsPerSecond, got both',
    'warmUp: expected less than the duration (100), got 200',
    'servers[1].name: there is another group named "server"',
    'events[0].of: there is no group of servers named "slow"',
    'events[1].count: expected at most 2, got 20',
    'call.idempotent: expected true or false: hedge is for idempotent calls only',
  ]);
});

it('tells of a zone that makes no sense once, by the name that it has here', () => {
  const message = 'zone: expected a string of 1 to 255 characters, got 5';
  expect(problems({ ...VALID, clients: [{ zone: 5 }] })).toEqual([`clients[0].${message}`]);
  const clients = [{}, { zone: 5, service: { locality: {} } }];
  expect(problems({ ...VALID, clients })).toEqual([`clients[1].${message}`]);
  expect(problems({ ...VALID, clients: [{ zone: 5 }], service: { locality: { zone: 'b' } } })).toEqual([
    `clients[0].${message}`,
  ]);
});

it('refuses options of a service that it could only ignore', () => {
  const service = {
    target: 'static:///a:1',
    minReady: 2,
    tls: {},
    hashKey: 'customer',
    explainErrors: true,
    dryRun: { strategy: 'random' },
    subset: { size: 3, clientId: 'me' },
    patterns: { simulated: { timeout: 100, hashKey: 'customer' } },
    connection: { keepAlive: 100, connectTimeout: 50 },
  };
  expect(problems({ ...VALID, service, clients: [{ service: { transport: {} } }] })).toEqual([
    'service.target: has no meaning in a simulation; leave it out',
    'service.tls: has no meaning in a simulation; leave it out',
    'service.minReady: has no meaning in a simulation; leave it out',
    'service.explainErrors: has no meaning in a simulation; leave it out',
    'service.hashKey: calls have no data here; give them keys with call.hashKeys',
    'service.dryRun: takes no effect; simulate what it would try out instead',
    'service.connection.keepAlive: has no meaning in a simulation; leave it out',
    'service.subset.clientId: each client has one of its own here; leave it out',
    'service.patterns.simulated.hashKey: calls have no data here; give them keys with call.hashKeys',
    'clients[0].service.transport: has no meaning in a simulation; leave it out',
  ]);
});

it('refuses what would make no difference to the calls', () => {
  const hedge = { delay: 30 };
  expect(problems({ ...VALID, service: { patterns: { quote: {}, '{"cmd":"a"}': {} } } })).toEqual([
    'call.pattern: expected one of those that the service has options for ("quote", "{\\"cmd\\":\\"a\\"}"), got "simulated"',
  ]);
  expect(problems({ ...VALID, service: { hedge } })).toEqual([
    'call.idempotent: expected true or false: hedge is for idempotent calls only',
  ]);
  expect(problems({ ...VALID, service: { retry: { retryOn: ['CONNECTION_LOST'] } } })).toEqual([
    'call.idempotent: expected true or false: retry.retryOn is for idempotent calls only',
  ]);
  for (const idempotent of [true, false])
    expect(problems({ ...VALID, call: { idempotent }, service: { hedge } })).toEqual([]);
  const patterns = { quote: { hedge, idempotent: true } };
  expect(problems({ ...VALID, call: { pattern: 'quote' }, service: { patterns } })).toEqual([]);
});

it('names the options of the service as they were given, also where they contradict each other', () => {
  const healthCheck = { interval: 100, timeout: 200 };
  const message = 'healthCheck.timeout: expected at most the interval (100 milliseconds), got 200';
  expect(problems({ ...VALID, clients: 3, service: { healthCheck } })).toEqual([`service.${message}`]);
  expect(problems({ ...VALID, clients: [{}, { service: { healthCheck } }] })).toEqual([
    `clients[1].service.${message}`,
  ]);
});

it('answers with a result or with InvalidOptionsError, whatever it is given', () => {
  const key = fc.constantFrom(
    'servers',
    'clients',
    'service',
    'events',
    'network',
    'call',
    'strategy',
    'retry',
    'x',
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      fc.constantFrom(undefined, null, 0, -1, 'a', true),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, fc.dictionary(key, value), (anything, sections) => {
      expect(problems(anything).length).toBeGreaterThan(0);
      problems({ ...VALID, ...sections, duration: 10 });
    }),
    { numRuns: 300 },
  );
});
