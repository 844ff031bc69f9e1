import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { of } from 'rxjs';
import { InvalidOptionsError } from '../../errors.js';
import { builtInStrategies } from '../../strategies/registry.js';
import type { Strategy, StrategyDeps } from '../../strategies/strategy.js';
import type { LoadBalancerModuleOptions, ServiceOptions } from '../options.js';
import { validateModuleOptions, type ValidatedModuleOptions } from './validate-module-options.js';

const TARGET = 'static:///127.0.0.1:4001,127.0.0.1:4002';
const DEPS: StrategyDeps = { random: () => 0, now: () => 0 };

function validate(
  options: unknown,
  env: Record<string, string> = {},
  declares = true,
): ValidatedModuleOptions {
  return validateModuleOptions(options, { env, declares });
}

/** Each problem as `path: message`. */
function problems(options: unknown, env: Record<string, string> = {}): string[] {
  try {
    validate(options, env);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

const ordersProblems = (orders: unknown) => problems({ services: { orders } });
const withTarget = (options: object) => ordersProblems({ target: TARGET, ...options });

function optionsOf(options: Partial<ServiceOptions>, defaults: LoadBalancerModuleOptions['defaults'] = {}) {
  return validate({ defaults, services: { orders: { target: TARGET, ...options } } }).services.get('orders')!
    .options;
}

describe('validateModuleOptions', () => {
  it('fills in every default as it is documented', () => {
    const { services, warnings } = validate({ services: { orders: TARGET } });
    expect(services.get('orders')!.options).toEqual({
      name: 'orders',
      targets: [expect.objectContaining({ uri: TARGET, scheme: 'static' })],
      strategy: { name: 'peak-ewma', factory: builtInStrategies['peak-ewma'], options: {} },
      strategies: new Map(Object.entries(builtInStrategies)),
      calls: {
        timeout: 5_000,
        retry: {
          maxAttempts: 3,
          retryOn: undefined,
          backoff: { initial: 50, multiplier: 2, max: 1_000 },
        },
        hedge: undefined,
        idempotent: undefined,
      },
      patterns: new Map(),
      retryBudget: {},
      limits: undefined,
      explainErrors: false,
      waitForReady: false,
      minReady: 1,
      outlierDetection: {
        interval: 10_000,
        baseEjectionTime: 30_000,
        maxEjectionTime: 300_000,
        maxEjectionPercent: 10,
        consecutiveFailures: 5,
        successRate: { deviations: 1.9, minimumNodes: 5, minimumRequests: 100 },
        failurePercentage: { threshold: 85, minimumNodes: 5, minimumRequests: 50 },
        latency: false,
      },
      outlierChecksAsked: [],
      dryRun: { strategy: undefined, outlierDetection: undefined },
      slowStart: false,
      locality: { zone: undefined, callers: undefined, minNodes: 6, overProvisioning: 1.4 },
      subset: false,
      panicThreshold: 50,
      healthCheck: { interval: 5_000, timeout: 500, healthyThreshold: 1, unhealthyThreshold: 2, jitter: 0.2 },
      connection: {
        connectTimeout: 2_000,
        keepAlive: 10_000,
        idleTimeout: 0,
        eager: 100,
        backoff: { initial: 1_000, multiplier: 1.6, jitter: 0.2, max: 120_000 },
      },
      tls: undefined,
      context: { forward: 'all', authorization: false },
      interceptors: [],
      transport: {},
    });
    expect(services.get('orders')!.sources.map(({ resolver }) => resolver.schemes)).toEqual([['static']]);
    expect(warnings).toEqual([]);
  });

  it('keeps a default that depends on another option within it', () => {
    expect(optionsOf({ healthCheck: { interval: 100 } }).healthCheck).toMatchObject({ timeout: 100 });
    expect(optionsOf({ connection: { backoff: { max: 50 } } }).connection.backoff).toMatchObject({
      initial: 50,
      max: 50,
    });
    expect(optionsOf({ connection: { backoff: { initial: 300_000 } } }).connection.backoff).toMatchObject({
      max: 300_000,
    });
  });

  describe('with defaults', () => {
    it('lets the service win, key by key and one level down', () => {
      const options = optionsOf(
        {
          timeout: 10,
          healthCheck: { interval: 700 },
          connection: { backoff: { max: 9_000 } },
          tls: { servername: 'a' },
        },
        {
          timeout: 20,
          minReady: 2,
          healthCheck: { interval: 900, timeout: 80 },
          connection: { eager: 7, backoff: { initial: 5 } },
          tls: { ca: 'x' },
        },
      );
      expect(options).toMatchObject({
        calls: { timeout: 10 },
        minReady: 2,
        healthCheck: { interval: 700, timeout: 80 },
        connection: { eager: 7, backoff: { initial: 1_000, max: 9_000 } },
        tls: { servername: 'a', ca: 'x' },
      });
    });

    it('lets false and a section replace each other', () => {
      expect(optionsOf({ healthCheck: false }, { healthCheck: { interval: 900 } }).healthCheck).toBe(false);
      expect(optionsOf({ healthCheck: { interval: 700 } }, { healthCheck: false }).healthCheck).toMatchObject(
        { interval: 700 },
      );
      expect(optionsOf({}, { healthCheck: false }).healthCheck).toBe(false);
    });

    it('takes an option that is undefined as left out', () => {
      const left = {
        timeout: undefined,
        healthCheck: { interval: undefined },
      } as unknown as Partial<ServiceOptions>;
      const options = optionsOf(left, { timeout: 20, healthCheck: { interval: 900 } });
      expect(options).toMatchObject({ calls: { timeout: 20 }, healthCheck: { interval: 900 } });
    });

    it('reports what is wrong with them once, and not for each service', () => {
      expect(
        problems({
          defaults: { target: 'x', timeout: -1, strategy: 'best' },
          services: { a: TARGET, b: TARGET },
        }),
      ).toEqual([
        'defaults.target: unknown option',
        'defaults.timeout: expected a number ≥ 0 (milliseconds), got -1',
        'defaults.strategy: unknown strategy "best" (known: round-robin, pick-first, random, weighted-round-robin, least-request, peak-ewma, least-loaded, ring-hash, maglev)',
      ]);
    });
  });

  it('reports every problem at once, each with its path', () => {
    const options = {
      servces: {},
      isGlobal: 'yes',
      context: { allow: ['X-Tenant'] },
      resolvers: {},
      services: {
        orders: {
          target: TARGET,
          timout: 3,
          timeout: '2s',
          waitForReady: 1,
          minReady: 1.5,
          panicThreshold: 101,
          strategy: { name: 'round-robbin' },
          healthCheck: { interval: 5, unhealthyThreshold: 0, jitter: 2, every: 3 },
          connection: { connectTimeout: 0, keepAlive: true, eager: -1, backoff: { multiplier: 0.5 } },
          context: { forward: ['authorization', 'traceparent', 'X'], authorization: 'true' },
          interceptors: [() => undefined, {}],
          transport: { serializer: {}, customClass: 'x', maxBufferSize: 0 },
        },
        'a b': TARGET,
        users: 7,
        stock: null,
        carts: {},
      },
    };
    const found = problems(options);
    expect(found.filter((line) => !line.startsWith('context.'))).toEqual([
      'servces: unknown option; did you mean "services"?',
      'isGlobal: expected true or false, got "yes"',
      'resolvers: expected a list of resolvers, got an object',
      'services["a b"]: not a name for a service: expected 1 to 128 letters, digits and any of . _ : / @ -, with a letter or digit first',
      'services.users: expected a target URI, a list of endpoints or an object with options, got 7',
      'services.stock: expected a target URI, a list of endpoints or an object with options, got null',
      'services.orders.timout: unknown option; did you mean "timeout"?',
      'services.orders.timeout: expected a number ≥ 0 (milliseconds), got "2s"',
      'services.orders.waitForReady: expected true or false, got 1',
      'services.orders.minReady: expected an integer ≥ 0, got 1.5',
      'services.orders.panicThreshold: expected a number from 0 to 100 (per cent), got 101',
      'services.orders.healthCheck.interval: expected a number ≥ 10 (milliseconds), got 5',
      'services.orders.healthCheck.unhealthyThreshold: expected an integer ≥ 1, got 0',
      'services.orders.healthCheck.jitter: expected a number from 0 to 1, got 2',
      'services.orders.healthCheck.every: unknown option',
      'services.orders.connection.connectTimeout: expected a number ≥ 1 (milliseconds), got 0',
      'services.orders.connection.keepAlive: expected a number ≥ 1 (milliseconds), got true',
      'services.orders.connection.eager: expected an integer ≥ 0, got -1',
      'services.orders.connection.backoff.multiplier: expected a number from 1 to 100, got 0.5',
      'services.orders.context.forward[0]: forwarded with authorization: true, not from here',
      'services.orders.context.forward[1]: "traceparent" is always forwarded',
      'services.orders.context.forward[2]: expected the name of a header in lower case, such as "x-tenant", got "X"',
      'services.orders.context.authorization: expected true or false, got "true"',
      'services.orders.interceptors[1]: expected a function (call, next) => Observable, got an object',
      'services.orders.transport.serializer: expected an object with a method serialize(), got an object',
      'services.orders.transport.customClass: expected a subclass of ClientTCP, got "x"',
      'services.orders.transport.maxBufferSize: expected an integer ≥ 1, got 0',
      'services.orders.strategy.name: unknown strategy "round-robbin"; did you mean "round-robin"?',
      'services.carts.target: missing; expected a target URI or a list of endpoints (or the variable LB_TARGET_CARTS)',
    ]);
    expect(found.some((line) => line.startsWith('context.allow[0]: '))).toBe(true);
  });

  it.each([
    [{ timeout: NaN }, 'timeout: expected a number ≥ 0 (milliseconds), got NaN'],
    [{ timeout: Infinity }, 'timeout: expected at most 2147483647 (milliseconds), got Infinity'],
    [{ timeout: 3e9 }, 'timeout: expected at most 2147483647 (milliseconds), got 3000000000'],
    [{ timeout: null }, 'timeout: expected a number ≥ 0 (milliseconds), got null'],
    [{ healthCheck: true }, 'healthCheck: expected an object or false, got true'],
    [
      { hashKey: { context: 'X-Tenant' } },
      'hashKey.context: expected a key of the context in lower case, such as "x-tenant", got "X-Tenant"',
    ],
    [
      { hashKey: { context: 'authorization' } },
      'hashKey.context: expected a key of the context in lower case, such as "x-tenant", got "authorization"',
    ],
    [{ hashKey: {} }, 'hashKey.context: expected a key of the context, got nothing'],
    [{ explainErrors: 'yes' }, 'explainErrors: expected true or false, got "yes"'],
    [{ connection: [] }, 'connection: expected an object, got an empty array'],
    [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts: expected an integer from 1 to 5, got 0'],
    [{ retry: { maxAttemps: 2 } }, 'retry.maxAttemps: unknown option; did you mean "maxAttempts"?'],
    [
      { retry: { retryOn: 'CONNECTION_LOST' } },
      'retry.retryOn: expected a list of codes or a function (error, code) => boolean, got "CONNECTION_LOST"',
    ],
    [{ retry: { budget: { ratio: 2 } } }, 'retry.budget.ratio: expected a number from 0 to 1, got 2'],
    [{ hedge: true }, 'hedge: expected an object or false, got true'],
    [{ hedge: {} }, 'hedge.delay: expected milliseconds or a percentile such as "p95", got nothing'],
    [
      { hedge: { delay: 'p100' } },
      'hedge.delay: expected milliseconds or a percentile between p0 and p100 such as "p95", got "p100"',
    ],
    [{ hedge: { delay: 0 } }, 'hedge.delay: expected a number ≥ 1 (milliseconds), got 0'],
    [{ hedge: { delay: 5, maxAttempts: 1 } }, 'hedge.maxAttempts: expected an integer from 2 to 5, got 1'],
    [{ limits: { maxInFlight: 0 } }, 'limits.maxInFlight: expected an integer ≥ 1, got 0'],
    [{ limits: { queue: { drop: 'oldest' } } }, 'limits.queue.size: expected an integer ≥ 1, got nothing'],
    [
      { limits: { queue: { size: 5, drop: 'random' } } },
      'limits.queue.drop: expected "oldest" or "newest", got "random"',
    ],
    [
      { limits: { adaptive: { smoothing: 0 } } },
      'limits.adaptive.smoothing: expected a number from 0.001 to 1, got 0',
    ],
    [{ limits: { adaptive: { max: 5 } } }, 'limits.adaptive.max: expected at least the min (8), got 5'],
    [
      { limits: { adaptive: true, maxInFlight: 5 } },
      'limits.adaptive.min: expected at most maxInFlight (5), got 8',
    ],
    [
      { limits: { adaptive: { initial: 5 } } },
      'limits.adaptive.initial: expected from the min (8) to the max (1000), got 5',
    ],
    [
      { patterns: { quote: { hashKey: 7 } } },
      'patterns.quote.hashKey: expected the name of a field, { context: key } or a function (data, context) => key, got 7',
    ],
    [
      { patterns: { quote: { hashKey: '' } } },
      'patterns.quote.hashKey: expected the name of a field, { context: key } or a function (data, context) => key, got ""',
    ],
    [
      { patterns: { '{"cmd":"quote"}': { retry: { budget: {} } } } },
      'patterns["{\\"cmd\\":\\"quote\\"}"].retry.budget: unknown option',
    ],
    [JSON.parse('{"__proto__":{"timeout":1}}'), '__proto__: unknown option'],
    [
      { healthCheck: { interval: 100, timeout: 200 } },
      'healthCheck.timeout: expected at most the interval (100 milliseconds), got 200',
    ],
    [
      { connection: { backoff: { initial: 9, max: 5 } } },
      'connection.backoff.max: expected at least the initial delay (9 milliseconds), got 5',
    ],
    [
      { strategy: 7 },
      'strategy: expected the name of a strategy (round-robin, pick-first, random, weighted-round-robin, least-request, peak-ewma, least-loaded, ring-hash, maglev), got 7',
    ],
    [
      { strategy: {} },
      'strategy.name: expected the name of a strategy (round-robin, pick-first, random, weighted-round-robin, least-request, peak-ewma, least-loaded, ring-hash, maglev), got undefined',
    ],
    [
      { strategy: { name: 'least-request', choices: 3 } },
      'strategy.choices: unknown option; least-request has none',
    ],
  ])('refuses %j', (options, problem) => {
    expect(withTarget(options)).toEqual([`services.orders.${problem}`]);
  });

  it('finds a contradiction between a service and the defaults', () => {
    expect(
      problems({
        defaults: { healthCheck: { timeout: 500 } },
        services: { orders: { target: TARGET, healthCheck: { interval: 50 } } },
      }),
    ).toEqual([
      'services.orders.healthCheck.timeout: expected at most the interval (50 milliseconds), got 500',
    ]);
  });

  it('checks the shape of the context before what is in it', () => {
    expect(problems({ context: { alow: [], allow: [{ toString: 7 }], maxValueLength: 0 } })).toEqual([
      'context.alow: unknown option; did you mean "allow"?',
      'context.allow[0]: expected a string, got an object',
      'context.maxValueLength: expected an integer ≥ 1, got 0',
    ]);
  });

  it('refuses isGlobal from a factory, which runs too late for it', () => {
    const options = { services: { orders: TARGET }, isGlobal: true };
    expect([...validate(options).services.keys()]).toEqual(['orders']);
    expect(() => validateModuleOptions(options, { env: {}, declares: true, late: true })).toThrow(
      'isGlobal: given outside the factory: forRootAsync({ isGlobal })',
    );
  });

  it.each([7, 'orders', null, []])('refuses %j as options', (options) => {
    expect(problems(options)).toEqual([expect.stringMatching(/^options: expected an object, got /)]);
  });

  describe('of targets', () => {
    it.each([
      [
        'http://10.0.0.1/',
        'unknown scheme in "http://10.0.0.1/" (known: static://, file://, dns://, dns+srv://, etcd://, consul://, k8s://)',
      ],
      ['static:///h:70000', '#0: port out of range: 70000 (1–65535), in "static:///h:70000"'],
      ['10.0.0.1:4001', 'expected a URI; did you mean "static:///10.0.0.1:4001"?'],
      [7, 'expected a target URI or a list of endpoints, got 7'],
    ])('refuses %j', (target, problem) => {
      expect(ordersProblems({ target })).toEqual([`services.orders.target: ${problem}`]);
    });

    it('takes a list of endpoints alone, as it takes a URI alone', () => {
      const { services } = validate({ services: { orders: [{ host: 'a', port: 1 }] } });
      expect(services.get('orders')!.options.targets).toMatchObject([{ uri: 'static:///a:1' }]);
      expect(ordersProblems([{ host: 'a', port: 0 }])).toEqual([
        'services.orders.target[0].port: port out of range: 0 (1–65535)',
      ]);
    });

    it('checks a list of endpoints one by one', () => {
      const target = [{ host: 'a', port: 0 }, { host: 'b', port: 1, wieght: 2 }, { port: 3 }];
      expect(ordersProblems({ target })).toEqual([
        'services.orders.target[0].port: port out of range: 0 (1–65535)',
        'services.orders.target[1].wieght: unknown option; did you mean "weight"?',
        'services.orders.target[2].host: expected a host name or an IP address, got undefined',
      ]);
    });

    it('takes several URIs as an order of fallback', () => {
      const target = ['dns:///orders.internal:4001', 'static:///a:1,b:1'];
      const { services, warnings } = validate({
        services: { orders: target, users: { target, minReady: 9 }, carts: [target[1], 'static:///b:1'] },
      });
      const uris = (name: string) => services.get(name)!.sources.map(({ target: { uri } }) => uri);
      expect([uris('orders'), uris('users')]).toEqual([target, target]);
      expect(services.get('orders')!.sources.map(({ resolver }) => resolver.schemes[0])).toEqual([
        'dns',
        'static',
      ]);
      expect(warnings).toEqual([]);
    });

    it('checks several URIs one by one', () => {
      expect(ordersProblems({ target: ['a:1', 'static:///b:1', 'statik:///c:1'] })).toEqual([
        'services.orders.target[0]: expected a URI; did you mean "static:///a:1"?',
        expect.stringMatching(/^services\.orders\.target\[2\]: unknown scheme in "statik:/),
      ]);
      expect(ordersProblems(['static:///a:1', { host: 'b', port: 1 }])).toEqual([
        'services.orders.target: expected either target URIs or endpoints { host, port }, got both; ' +
          'endpoints as a URI are static:///host:port',
      ]);
      const twice = validate({ services: { orders: ['static:///a:1', 'static:///a:1'] } });
      expect(twice.warnings).toEqual(['services.orders.target[1]: the same target as #0']);
    });

    it.each([
      [true, 'true'],
      ['s3cret', 'a string'],
      [['s3cret'], 'an array of 1'],
    ])('says of which kind wrong TLS options are, and no text of theirs: %j', (tls, got) => {
      expect(problems({ services: { orders: { target: TARGET, tls } } })).toEqual([
        `services.orders.tls: expected an object with options of tls.connect, {} for the defaults, got ${got}`,
      ]);
    });

    it('shows no credentials', () => {
      const secret = 'etcd://root:s3cret@h:2379/orders?token=s3cret';
      const options = {
        services: {
          a: secret,
          b: { target: secret, tls: 's3cret', strategy: secret },
          c: { tls: { key: 's3cret' } },
        },
      };
      const found = problems(options, { LB_TARGET_D: secret }).join('\n');
      expect(found).toContain('etcd://***@h:2379/orders?token=***');
      expect(found).not.toContain('s3cret');
    });

    it('warns of a pattern that begins like an object and is none', () => {
      const patterns = {
        '{cmd:"pay"}': { timeout: 1 },
        '{"cmd":"pay"}': { timeout: 1 },
        pay: { timeout: 1 },
      };
      expect(validate({ services: { orders: { target: TARGET, patterns } } }).warnings).toEqual([
        `services.orders.patterns["{cmd:\\"pay\\"}"]: begins like an object and is not JSON, so it is the pattern of this very text`,
      ]);
    });

    it('warns of a code that is nearly one of the library, once where it is written', () => {
      const retryOn = ['CONECTION_LOST', 'CONNECTION_LOST', 'CONNECTION_RESET', 'UNAVAILABLE'];
      const patterns = { quote: { timeout: 1 }, pay: { retry: { retryOn: ['deadline_exceeded'] } } };
      const services = { orders: { target: TARGET, retry: { retryOn }, patterns } };
      expect(validate({ services }).warnings).toEqual([
        'services.orders.retry.retryOn[0]: "CONECTION_LOST" is not a code of the library; did you mean "CONNECTION_LOST"?',
        'services.orders.patterns.pay.retry.retryOn[0]: "deadline_exceeded" is not a code of the library; did you mean "DEADLINE_EXCEEDED"?',
      ]);
    });

    it.each([
      [
        { timeout: 500, hedge: { delay: 500 } },
        'hedge.delay: 500 ms are never waited for, since the timeout is 500 ms',
      ],
      [
        { hedge: { delay: 300 }, patterns: { quick: { timeout: 200 } } },
        'patterns.quick.hedge.delay: 300 ms are never waited for, since the timeout is 200 ms',
      ],
      [
        { retry: { budget: { ratio: 0, minPerSecond: 0.05 } } },
        'retry.budget: nothing is ever retried or hedged, since a ratio of 0 and 0.05 a second never make up one retry within 10000 ms; where that is meant, retry: false says so',
      ],
      [
        { strategy: 'maglev', hashKey: { context: 'x-tenant' } },
        'hashKey.context: "x-tenant" is not taken from requests, since context.allow does not have it',
      ],
      [
        { strategy: 'maglev', patterns: { cart: { hashKey: { context: 'x-user' } } } },
        'patterns.cart.hashKey.context: "x-user" is not taken from requests, since context.allow does not have it',
      ],
    ])('warns of what can never work: %j', (options, warning) => {
      expect(validate({ services: { orders: { target: TARGET, ...options } } }).warnings).toEqual([
        `services.orders.${warning}`,
      ]);
    });

    it.each([
      { timeout: 1_000, hedge: { delay: 300, maxAttempts: 5 } },
      { timeout: 0, hedge: { delay: 300, maxAttempts: 5 } },
      { timeout: 100, retry: { backoff: { initial: 60_000 } } },
      { timeout: 100, retry: false },
      { timeout: 20, patterns: { quick: { timeout: 10 } } },
      { retry: { maxAttempts: 1, budget: { ratio: 0, minPerSecond: 0 } } },
      { retry: { budget: { ratio: 0, minPerSecond: 0.1 } } },
      { retry: { budget: { ratio: 0.01, minPerSecond: 0 } } },
    ])('does not warn of what can: %j', (options) => {
      expect(validate({ services: { orders: { target: TARGET, ...options } } }).warnings).toEqual([]);
    });

    it('warns of what works and is hardly meant', () => {
      const target = [
        { host: 'a', port: 1 },
        { host: 'a', port: 1 },
      ];
      const { warnings, services } = validate({
        context: { allow: ['x-tenant'] },
        services: {
          orders: { target, minReady: 2, context: { forward: ['x-tenant', 'x-user'] } },
          users: { target: TARGET, minReady: 3 },
          carts: { target: 'static:///a:1;weight=0,b:1', minReady: 2 },
          stock: { target: [] },
        },
      });
      expect([...services.keys()]).toEqual(['orders', 'users', 'carts', 'stock']);
      expect(warnings).toEqual([
        'services.orders.target[1]: a:1 is in the list already (#0); the first one is used',
        'services.stock.target: the list is empty: every call will fail with NO_NODES',
        'services.orders.minReady: 2 nodes can never be ready, since the target has 1',
        'services.orders.context.forward[1]: "x-user" is not taken from requests, since context.allow does not have it',
        'services.users.minReady: 3 nodes can never be ready, since the target has 2',
        'services.carts.minReady: 2 nodes can never be ready, since the target has 1 whose weight is above 0',
      ]);
    });
  });

  describe('of ejection', () => {
    const detection = (services: Record<string, unknown>, defaults = {}) => {
      const { services: found, warnings } = validate({ defaults, services });
      return { settings: found.get('orders')!.options.outlierDetection, warnings };
    };

    it('merges with the defaults key by key, and fills in the rest', () => {
      const { settings } = detection(
        { orders: { target: TARGET, outlierDetection: { baseEjectionTime: 600_000 } } },
        { outlierDetection: { consecutiveFailures: 3 } },
      );
      expect(settings).toMatchObject({
        consecutiveFailures: 3,
        baseEjectionTime: 600_000,
        maxEjectionTime: 600_000,
        maxEjectionPercent: 10,
        latency: false,
      });
      expect(detection({ orders: { target: TARGET, outlierDetection: false } }).settings).toBe(false);
      expect(detection({ orders: TARGET }).settings).toMatchObject({ consecutiveFailures: 5 });
    });

    it('warns of checks that were asked for and have too few nodes to compare', () => {
      const outlierDetection = { latency: {}, successRate: { minimumNodes: 3 }, failurePercentage: {} };
      const of = (count: number) => {
        const target = Array.from({ length: count }, (_, i) => ({ host: 'h', port: i + 1 }));
        return detection({ orders: { target, outlierDetection } }).warnings;
      };
      expect(of(4)).toEqual([
        'services.orders.outlierDetection.failurePercentage: takes no node out, since it compares at least 5 nodes, and the target has 4',
        'services.orders.outlierDetection.latency: takes no node out, since it compares at least 5 nodes, and the target has 4',
      ]);
      expect(of(5)).toEqual([]);
      expect(detection({ orders: TARGET }).warnings).toEqual([]);
    });

    it('refuses a longest time below the first one', () => {
      const outlierDetection = { baseEjectionTime: 2_000, maxEjectionTime: 1_000 };
      expect(() => detection({ orders: { target: TARGET, outlierDetection } })).toThrow(
        'services.orders.outlierDetection.maxEjectionTime: expected at least the base time (2000 milliseconds), got 1000',
      );
    });
  });

  describe('of the environment', () => {
    it('takes several targets from a variable', () => {
      const { services } = validate({}, { LB_TARGET_ORDERS: ' dns:///a.b:1 | static:///c:1,d:1' });
      expect(services.get('orders')!.options.targets.map(({ uri }) => uri)).toEqual([
        'dns:///a.b:1',
        'static:///c:1,d:1',
      ]);
      expect(problems({}, { LB_TARGET_ORDERS: 'static:///c:1 |' })).toEqual([
        'LB_TARGET_ORDERS[1]: expected a target such as static:///10.0.0.1:4001, got nothing',
      ]);
    });

    it('declares services, with the defaults, and overrides targets', () => {
      const env = { LB_TARGET_ORDERS: 'static:///e:1', LB_TARGET_USER_PROFILE: 'static:///e:2' };
      const { services } = validate(
        { defaults: { timeout: 9 }, services: { orders: { target: 'bad', minReady: 2 } } },
        env,
      );
      expect(
        [...services.values()].map(({ options: { name, targets, calls, minReady } }) => [
          name,
          targets[0]!.uri,
          calls.timeout,
          minReady,
        ]),
      ).toEqual([
        ['orders', 'static:///e:1', 9, 2],
        ['user-profile', 'static:///e:2', 9, 1],
      ]);
    });

    it('is enough without options, and nothing at all will do for an app that calls nobody', () => {
      expect([...validate(undefined, { LB_TARGET_ORDERS: TARGET }).services.keys()]).toEqual(['orders']);
      expect(validate(undefined)).toEqual({ services: new Map(), warnings: [] });
    });

    it('declares nothing for a feature', () => {
      const env = { LB_TARGET_ORDERS: TARGET, LB_TARGET_OTHER: 'bad' };
      expect([...validate({ services: { orders: 'bad' } }, env, false).services.keys()]).toEqual(['orders']);
    });

    it('names the variable at fault', () => {
      expect(
        problems({ services: { orders: TARGET } }, { LB_TARGET_ORDERS: 'x', LB_TARGET_USERS: '' }),
      ).toEqual([
        'LB_TARGET_USERS: expected a target such as static:///10.0.0.1:4001, got nothing; unset it if none is meant',
        'LB_TARGET_ORDERS: expected a URI such as static:///10.0.0.1:4001 or file:///etc/lb/orders.json, got "x"',
      ]);
    });
  });

  describe("of the user's own", () => {
    class Own implements Strategy {
      constructor(
        readonly deps: StrategyDeps,
        readonly options: Readonly<Record<string, unknown>>,
      ) {}
      update = (): void => undefined;
      pick = (): undefined => undefined;
    }

    it('makes strategies of classes and factories, by name and inline, with their options', () => {
      const own = {
        strategies: {
          'by-class': Own,
          'by-factory': (deps: StrategyDeps, options: object) => new Own(deps, { ...options, made: true }),
        },
      };
      const made = (strategy: unknown) => {
        const { services } = validate({ ...own, services: { orders: { target: TARGET, strategy } } });
        const { factory, options, name } = services.get('orders')!.options.strategy;
        const instance: unknown = factory(DEPS, options);
        if (!(instance instanceof Own)) throw new Error('made something else');
        expect(instance.deps).toBe(DEPS);
        return [name, instance.options];
      };
      expect(made('by-class')).toEqual(['by-class', {}]);
      expect(made({ name: 'by-class', choices: 3 })).toEqual(['by-class', { choices: 3 }]);
      expect(made({ name: 'by-factory', choices: 3 })).toEqual(['by-factory', { choices: 3, made: true }]);
      expect(made(Own)).toEqual(['Own', {}]);
      expect(made((deps: StrategyDeps) => new Own(deps, {}))).toEqual(['custom', {}]);
    });

    it('hands the built-in factories on as they are', () => {
      expect(optionsOf({ strategy: 'least-request' }).strategy.factory).toBe(
        builtInStrategies['least-request'],
      );
      expect(optionsOf({ strategy: { name: 'random' } }).strategy.factory).toBe(builtInStrategies.random);
    });

    it('takes resolvers as instances and as classes, and offers their schemes', () => {
      class Db {
        readonly schemes = ['db'];
        watch = () => of([]);
      }
      const resolvers = [Db, { schemes: ['mem'], watch: () => of([]) }];
      const { services } = validate({ resolvers, services: { a: 'db:///x', b: 'mem:///x' } });
      expect(services.get('a')!.sources[0]!.resolver).toBeInstanceOf(Db);
      expect(services.get('b')!.sources[0]!.resolver).toBe(resolvers[1]);
      expect(problems({ resolvers, services: { a: 'memm:///x' } })).toEqual([
        'services.a.target: unknown scheme in "memm:///x" (known: static://, file://, dns://, dns+srv://, etcd://, consul://, k8s://, db://, mem://); did you mean "mem"?',
      ]);
    });

    it('refuses what is neither', () => {
      class Broken {
        readonly schemes = ['broken'];
        constructor() {
          throw new Error('needs a pool');
        }
      }
      const watch = () => of([]);
      expect(
        problems({
          strategies: { best: 'x' },
          resolvers: [
            7,
            {},
            Broken,
            { schemes: [], watch },
            { schemes: ['a://'], watch },
            { schemes: ['b'], watch },
            { schemes: ['B'], watch },
          ],
        }),
      ).toEqual([
        "resolvers[0]: expected a resolver ({ schemes: ['…'], watch() }) or a class of one, got 7",
        "resolvers[1]: expected a resolver ({ schemes: ['…'], watch() }) or a class of one, got an object",
        'resolvers[2]: the class cannot be made without arguments: needs a pool',
        "resolvers[3]: expected a resolver ({ schemes: ['…'], watch() }) or a class of one, got an object",
        'resolvers[4]: not a URI scheme: "a://" (write it without "://")',
        'resolvers[6]: the scheme "B" is taken by resolvers[5]',
        'strategies.best: expected a factory or a class of strategies, got "x"',
      ]);
    });
  });

  describe('given anything', () => {
    const names = [
      'services',
      'defaults',
      'resolvers',
      'strategies',
      'context',
      'isGlobal',
      'target',
      'strategy',
      'timeout',
      'name',
    ];
    const sections = [
      'healthCheck',
      'connection',
      'backoff',
      'tls',
      'transport',
      'interceptors',
      'forward',
      'host',
      'port',
    ];
    const key = fc.oneof(
      fc.constantFrom(...names, ...sections, '__proto__', 'constructor', 'toString'),
      fc.string(),
    );
    const scalar = fc.oneof(
      fc.constantFrom(TARGET, 'file:///x.json', 'random', false, null, 0, 5, undefined),
      fc.string(),
      fc.double(),
    );
    const { value: garbage } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'medium' },
        scalar,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5 }),
      ),
    }));

    const settles = (options: unknown): void => {
      try {
        expect(validate(options).services).toBeInstanceOf(Map);
      } catch (error) {
        if (!(error instanceof InvalidOptionsError)) throw error;
        expect(error.problems.length).toBeGreaterThan(0);
        for (const { path, message } of error.problems) expect(`${path}: ${message}`).not.toMatch(/[\n\r]/);
      }
    };

    it('answers with valid options or with InvalidOptionsError, never with another error', () => {
      fc.assert(fc.property(garbage, settles), { numRuns: 300 });
      fc.assert(
        fc.property(fc.dictionary(key, fc.dictionary(key, garbage)), (services) => settles({ services })),
        { numRuns: 300 },
      );
      fc.assert(
        fc.property(garbage, garbage, (defaults, orders) => settles({ defaults, services: { orders } })),
        { numRuns: 300 },
      );
    });
  });
});
