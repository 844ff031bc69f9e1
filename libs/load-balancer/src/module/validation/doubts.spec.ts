import { describe, expect, it } from '@jest/globals';
import type { ServiceOptions } from '../options.js';
import { validateModuleOptions } from './validate-module-options.js';

const nodes = (count: number) => Array.from({ length: count }, (_, i) => ({ host: 'h', port: i + 1 }));
const zoned = (...zones: string[]) => zones.map((zone, i) => ({ host: 'h', port: i + 1, zone }));

function warningsOf(
  services: Record<string, Partial<ServiceOptions>>,
  defaults: Partial<ServiceOptions> = {},
  env: Record<string, string> = {},
): readonly string[] {
  const withTargets = Object.entries(services).map(([name, own]) => [name, { target: nodes(6), ...own }]);
  return validateModuleOptions(
    { defaults, services: Object.fromEntries(withTargets) },
    { env, declares: false },
  ).warnings;
}

const ofOrders = (orders: Partial<ServiceOptions>, env?: Record<string, string>) =>
  warningsOf({ orders }, {}, env);

const HASHED = 'no strategy goes by it (peak-ewma does not); expected "ring-hash" or "maglev" beside it';
const BELOW =
  'is below the median, so that most idempotent calls are sent twice until the budget is spent; expected at least "p50", better "p95"';
const ALONE = 'never sent, since it goes to another node, and the target has 1; expected at least 2';

describe('the warnings about a service', () => {
  it.each<[Partial<ServiceOptions>, string]>([
    [
      { target: nodes(3), dryRun: { outlierDetection: { failurePercentage: {} } } },
      'dryRun.outlierDetection.failurePercentage: takes no node out, since it compares at least 5 nodes, and the target has 3',
    ],
    [
      { subset: { size: 4 }, outlierDetection: { successRate: {} } },
      "outlierDetection.successRate: takes no node out, since it compares at least 5 nodes, and subset.size leaves 4 of the target's 6",
    ],
    [
      { target: nodes(4), outlierDetection: { consecutiveFailures: false, failurePercentage: false } },
      'outlierDetection.successRate: takes no node out, since it compares at least 5 nodes, and the target has 4',
    ],
    [
      { outlierDetection: { consecutiveFailures: false, failurePercentage: false, successRate: false } },
      'outlierDetection: takes no node out, since every check is false; expected one of them',
    ],
    [{ hedge: { delay: 'p20' } }, `hedge.delay: "p20" ${BELOW}`],
    [{ patterns: { quote: { hedge: { delay: 'p49.9' } } } }, `patterns.quote.hedge.delay: "p49.9" ${BELOW}`],
    [{ target: nodes(1), hedge: { delay: 'p95' } }, `hedge: ${ALONE}`],
    [{ target: nodes(1), patterns: { quote: { hedge: { delay: 5 } } } }, `patterns.quote.hedge: ${ALONE}`],
    [
      { subset: { size: 1 }, hedge: { delay: 5 } },
      "hedge: never sent, since it goes to another node, and subset.size leaves 1 of the target's 6; expected at least 2",
    ],
    [
      { patterns: { pay: { hedge: { delay: 5 }, idempotent: false } } },
      'patterns.pay.hedge: never sent, since only idempotent calls are hedged; expected idempotent: true beside it',
    ],
    [
      { healthCheck: false, retry: { retryOn: ['UNAVAILABLE'] } },
      'retry.retryOn: with healthCheck: false no server can say that it has retried already, so that attempts add up with the depth of calls: 3 become 5 over two levels and 7 over three; expected retryOn at one level only, or servers that are heard',
    ],
    [
      {
        transport: { deserializer: { deserialize: (value: unknown) => value as never } },
        patterns: { quote: { retry: { maxAttempts: 5, retryOn: () => true } } },
      },
      'patterns.quote.retry.retryOn: with transport.deserializer no server can say that it has retried already, so that attempts add up with the depth of calls: 5 become 9 over two levels and 13 over three; expected retryOn at one level only, or servers that are heard',
    ],
    [{ hashKey: 'id' }, `hashKey: ${HASHED}`],
    [{ patterns: { cart: { hashKey: 'id' } } }, `patterns.cart.hashKey: ${HASHED}`],
    [
      { strategy: 'maglev', patterns: { cart: { hashKey: 'id', strategy: 'random' } } },
      'patterns.cart.hashKey: no strategy goes by it (random does not); expected "ring-hash" or "maglev" beside it',
    ],
    // The pattern that hashes has a key of its own.
    [{ hashKey: 'id', patterns: { cart: { hashKey: 'cart', strategy: 'maglev' } } }, `hashKey: ${HASHED}`],
    [
      { strategy: 'least-loaded', healthCheck: false },
      "strategy: least-loaded never hears of the servers' load with healthCheck: false; expected probes, or another strategy",
    ],
    [
      {
        healthCheck: false,
        patterns: { quote: { strategy: { name: 'weighted-round-robin', weights: 'reported' } } },
      },
      "patterns.quote.strategy: weighted-round-robin never hears of the servers' load with healthCheck: false; expected probes, or another strategy",
    ],
    [
      { locality: { callers: { a: 1 } } },
      'locality.callers: counts for nothing without a zone of this process; expected locality.zone or LB_ZONE',
    ],
    [
      { target: 'dns:///a:1', locality: { zone: 'a', callers: { b: 1 } } },
      'locality.callers: has no callers in "a", where this process stands; expected a number above 0 for it',
    ],
    [{ locality: { zone: 'a' } }, 'locality.zone: "a" is the zone of no node of the target'],
    [
      { target: zoned('a', 'a', 'b'), locality: { zone: 'a' } },
      'locality.zone: zones do not matter in a priority with fewer than 6 nodes (locality.minNodes), and the target has 3',
    ],
    [
      { connection: { idleTimeout: 5 } },
      'connection.idleTimeout: closes nothing, since it is for connections that calls opened, and the first 100 are opened at start-up (connection.eager); the target has 6',
    ],
    [
      { panicThreshold: 20, healthCheck: false, outlierDetection: false },
      'panicThreshold: ignores nothing, since no node is taken out; expected healthCheck or outlierDetection',
    ],
    [{ limits: { queue: 5 } }, 'limits.queue: nothing ever waits in it, since there is no limit beside it'],
    [
      { patterns: { '{"a":1,"b":2}': { timeout: 1 }, '{ "b": 2, "a": 1 }': { timeout: 2 } } },
      'patterns["{\\"a\\":1,\\"b\\":2}"]: is the pattern of "{ \\"b\\": 2, \\"a\\": 1 }", too, which comes later and is in force; expected one of them',
    ],
  ])('tell what can never work, once: %j', (options, warning) => {
    expect(ofOrders(options)).toEqual([`services.orders.${warning}`]);
  });

  it.each<Partial<ServiceOptions>>([
    { outlierDetection: { successRate: {}, failurePercentage: {}, latency: {} } },
    { target: 'dns:///a:1', subset: { size: 4 }, outlierDetection: { successRate: {} } },
    { target: nodes(2), dryRun: { outlierDetection: {} } },
    { hedge: { delay: 'p50' } },
    { target: nodes(2), hedge: { delay: 5 }, patterns: { quote: { timeout: 9 } } },
    { target: 'dns:///a:1', hedge: { delay: 5 } },
    { healthCheck: false, retry: { maxAttempts: 1, retryOn: ['UNAVAILABLE'] } },
    { healthCheck: false },
    { retry: { maxAttempts: 5, retryOn: ['UNAVAILABLE'] } },
    { strategy: 'ring-hash', hashKey: 'id' },
    { strategy: () => ({ update: () => undefined, pick: () => undefined }), hashKey: 'id' },
    { hashKey: 'id', dryRun: { strategy: 'maglev' } },
    { hashKey: 'id', patterns: { cart: { strategy: 'maglev' } } },
    { strategy: { name: 'weighted-round-robin', weights: 'fixed' }, healthCheck: false },
    { target: zoned('a', 'a', 'a', 'b', 'b', 'b'), locality: { zone: 'a', callers: { a: 1 } } },
    { target: zoned('a', 'b'), locality: { zone: 'a', minNodes: 2 } },
    { target: 'dns:///a:1', locality: { zone: 'a' } },
    { connection: { idleTimeout: 5, eager: 2 } },
    { healthCheck: false, outlierDetection: false },
    { panicThreshold: 20, healthCheck: false },
  ])('are silent about what can: %j', (options) => {
    expect(ofOrders(options)).toEqual([]);
  });

  it('know the zone of the environment, which is no option of the service', () => {
    const env = { LB_ZONE: 'a' };
    expect(ofOrders({}, env)).toEqual([]);
    expect(ofOrders({ locality: { callers: { a: 1 } } }, env)).toEqual([]);
    expect(ofOrders({ locality: { callers: { b: 1 } } }, env)).toEqual([
      'services.orders.locality.callers: has no callers in "a", where this process stands; expected a number above 0 for it',
    ]);
  });

  it('count each target as a fallback with nodes and a subset of its own', () => {
    const target = ['static:///a:1,b:1,c:1', 'static:///c:1,d:1,e:1;weight=0'];
    const outlierDetection = { latency: { minimumNodes: 5 }, successRate: { minimumNodes: 4 } };
    expect(ofOrders({ target, outlierDetection })).toEqual([
      'services.orders.outlierDetection.latency: takes no node out, since it compares at least 5 nodes, and the target has 4',
    ]);
    expect(ofOrders({ target, outlierDetection, subset: { size: 2 } })).toEqual([
      "services.orders.outlierDetection.successRate: takes no node out, since it compares at least 4 nodes, and subset.size leaves 3 of the target's 4",
      "services.orders.outlierDetection.latency: takes no node out, since it compares at least 5 nodes, and subset.size leaves 3 of the target's 4",
    ]);
  });
});

describe('the warnings about defaults', () => {
  const few = { target: nodes(3) };

  it('are told once, at the path where the option stands, with the services that have it', () => {
    const defaults = { outlierDetection: { latency: {} }, hedge: { delay: 'p10' } } as const;
    const none = { outlierDetection: false, hedge: false } as const;
    expect(warningsOf({ orders: few, users: few, carts: {}, stock: none }, defaults)).toEqual([
      `defaults.hedge.delay: "p10" ${BELOW} (of orders, users, carts)`,
      'defaults.outlierDetection.latency: takes no node out, since it compares at least 5 nodes, and the target has 3 (of orders, users)',
    ]);
  });

  it('name a few of many services', () => {
    const services = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => [name, few]));
    expect(warningsOf(services, { outlierDetection: { latency: {} } })).toEqual([
      expect.stringMatching(/ the target has 3 \(of a, b, c, d, e, … 7 in all\)$/),
    ]);
  });

  it('stand at the service for what it says itself, key by key', () => {
    const own = { target: nodes(3), outlierDetection: { successRate: {} } };
    expect(warningsOf({ orders: own }, { outlierDetection: { latency: {} } })).toEqual([
      'services.orders.outlierDetection.successRate: takes no node out, since it compares at least 5 nodes, and the target has 3',
      'defaults.outlierDetection.latency: takes no node out, since it compares at least 5 nodes, and the target has 3 (of orders)',
    ]);
  });

  it('leave out what has its effect in some service', () => {
    const hashing = { strategy: 'maglev' } as const;
    expect(warningsOf({ orders: {}, carts: hashing }, { hashKey: 'id' })).toEqual([]);
    expect(warningsOf({ orders: {}, users: {} }, { hashKey: 'id' })).toEqual([
      `defaults.hashKey: ${HASHED} (of orders, users)`,
    ]);
  });
});
