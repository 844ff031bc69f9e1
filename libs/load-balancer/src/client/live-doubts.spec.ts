import { expect, it } from '@jest/globals';
import type { ServiceOptions } from '../module/options.js';
import { FakeService } from '../testing/fake-service.js';
import {
  A,
  after,
  answer,
  B,
  C,
  lose,
  make,
  sent,
  serviceOf,
  useVirtualTime,
  waiting,
  type CallSpec,
} from './call.spec.fixture.js';

useVirtualTime();

it('a check that compares more nodes than there are is told of once, when the nodes are known', async () => {
  const outlierDetection = { latency: {}, successRate: { minimumNodes: 3 } };
  const service = await serviceOf([A, B, C], { outlierDetection });
  service.resolve(A);
  service.resolve(A, B);
  expect(service.logs).toEqual([
    'services.orders.outlierDetection.latency: takes no node out while there are fewer than 5 nodes to compare, and there are 3',
  ]);
});

it('checks that nobody asked for are silent about it, and so are those that have enough nodes', async () => {
  const five = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1', '10.0.0.4:1', '10.0.0.5:1'];
  expect((await serviceOf([A])).logs).toEqual([]);
  expect((await serviceOf([A], { outlierDetection: { consecutiveFailures: 3 } })).logs).toEqual([]);
  expect((await serviceOf([A], { outlierDetection: { latency: false } })).logs).toEqual([]);
  expect((await serviceOf(five, { outlierDetection: { latency: {} } })).logs).toEqual([]);
});

it('a dry run is told of too, and so are the checks that alone take nodes out', async () => {
  const dry = await serviceOf([A], { dryRun: { outlierDetection: { successRate: {} } } });
  expect(dry.logs).toEqual([
    'services.orders.dryRun.outlierDetection.successRate: takes no node out while there are fewer than 5 nodes to compare, and there are 1',
  ]);
  const alone = await serviceOf([A, B], { outlierDetection: { consecutiveFailures: false } });
  expect(alone.logs).toEqual([
    'services.orders.outlierDetection.successRate: takes no node out while there are fewer than 5 nodes to compare, and there are 2',
    'services.orders.outlierDetection.failurePercentage: takes no node out while there are fewer than 5 nodes to compare, and there are 2',
  ]);
});

it('of a subset only its nodes count', async () => {
  const nodes = Array.from({ length: 9 }, (_, i) => `10.0.0.${i}:1`);
  const service = new FakeService({ subset: { size: 4 }, outlierDetection: { latency: {} } });
  service.resolve(...nodes);
  expect(service.logs).toEqual([
    'services.orders.outlierDetection.latency: takes no node out while there are fewer than 5 nodes to compare, and there are 4',
  ]);
});

/** Makes so many idempotent calls within 16 s, all answered after so many milliseconds, and tells what is logged. */
async function logsAfter(
  calls: number,
  latency: number,
  options: Omit<ServiceOptions, 'target'>,
  spec: CallSpec = {},
): Promise<string[]> {
  const service = await serviceOf([A, B], { outlierDetection: false, ...options });
  for (let i = 0; i < calls; i++) {
    make(service, { ...spec, options: { idempotent: true, ...spec.options } });
    await after(latency);
    // The other attempts are given up with that.
    answer(waiting(service)[0]);
    await after(16_000 / calls);
  }
  return service.logs;
}

const EARLY =
  /^(.*): 10 ms are below the median: (\d+) of the last \2 idempotent calls were not answered by then, so that most are hedged until the budget is spent; expected "p95", or as many milliseconds$/;
const HEDGE = { delay: 10 };
const SLOW_PATTERN = { patterns: { p: { hedge: HEDGE } } };

it.each<[path: string, Omit<ServiceOptions, 'target'>, CallSpec]>([
  ['services.orders.hedge.delay', { hedge: HEDGE }, {}],
  ['services.orders.patterns.p.hedge.delay', SLOW_PATTERN, {}],
  // The pattern has it from the service.
  ['services.orders.hedge.delay', { hedge: HEDGE, patterns: { p: { timeout: 900 } } }, {}],
  ['send(…).hedge.delay', {}, { options: { hedge: HEDGE } }],
])('a hedge that is sent before the median answer comes is told of once: %s', async (path, options, spec) => {
  const logs = await logsAfter(250, 40, options, spec);
  expect(logs).toHaveLength(1);
  expect(EARLY.exec(logs[0] ?? '')?.[1]).toBe(path);
});

it.each<[what: string, number, Omit<ServiceOptions, 'target'>, CallSpec]>([
  ['too few answers say nothing', 99, { hedge: HEDGE }, {}],
  ['a delay above the median is right', 150, { hedge: { delay: 50 } }, {}],
  ['a percentile follows the latency by itself', 150, { hedge: { delay: 'p95' } }, {}],
  ['without hedging there is nothing to tell', 150, {}, {}],
  ['a pattern is not judged by the calls of others', 150, SLOW_PATTERN, { pattern: 'other' }],
  ['calls that are never hedged say nothing', 150, { hedge: HEDGE }, { options: { idempotent: false } }],
])('%s', async (_what, calls, options, spec) => {
  expect(await logsAfter(calls, 40, options, spec)).toEqual([]);
});

it.each([
  ['is told of once', 'round-robin', { strategy: 'round-robin' }, true],
  ['is told of for the strategy that the call names', 'random', { strategy: 'maglev' }, true],
  ['is right for one that goes by it', 'maglev', { strategy: 'random' }, false],
  ['is right where one that goes by it is tried out', undefined, { dryRun: { strategy: 'maglev' } }, false],
] as const)('a hash key for a strategy %s', async (_what, strategy, options, told) => {
  const service = await serviceOf([A, B], options);
  for (let i = 0; i < 3; i++) make(service, { options: { hashKey: 'k', ...(strategy && { strategy }) } });
  expect(service.logs).toEqual(
    told
      ? [
          `send(…).hashKey: counts for nothing, since the strategy of the call (${strategy}) does not go by it; expected "ring-hash" or "maglev"`,
        ]
      : [],
  );
});

const BLIND =
  /^services\.orders\.retry: calls are retried or hedged for messages that came without metadata.* \((\d) become (\d) over two levels\); expected BalancedTcpServer there, or retries on one level only$/;

it.each([
  [true, 1],
  [false, 0],
])(
  'a hedge for a message that cannot say whether it is a retry itself is told of: %j',
  async (blind, told) => {
    const service = await serviceOf([A, B], { hedge: { delay: 10 } });
    for (let i = 0; i < 2; i++) {
      make(service, { options: { idempotent: true }, context: { retryUnknown: blind } });
      await after(20);
    }
    expect(sent(service)).toHaveLength(4);
    expect(service.logs.map((log) => BLIND.exec(log)?.slice(1))).toEqual(Array(told).fill(['2', '4']));
  },
);

it('a retry for a message that cannot say whether it is one itself is told of once', async () => {
  const logsOf = async (context: object): Promise<string[]> => {
    const service = await serviceOf([A, B]);
    for (let i = 0; i < 2; i++) {
      make(service, { options: { idempotent: true }, context });
      lose(service, waiting(service)[0]);
      await after(60);
      answer(waiting(service)[0]);
      service.accept(...[A, B].filter((node) => service.status(node) === 'disconnected'));
      await after(5);
    }
    expect(sent(service)).toHaveLength(4);
    return service.logs;
  };
  expect((await logsOf({ retryUnknown: true })).map((log) => BLIND.exec(log)?.slice(1))).toEqual([
    ['3', '9'],
  ]);
  expect(await logsOf({ retryUnknown: false })).toEqual([]);
});
