import { expect, it } from '@jest/globals';
import type { ServiceOptions } from '../module/options.js';
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

/** Makes calls that are answered after so many milliseconds, and tells what is logged. */
async function logsAfter(
  calls: number,
  latency: number,
  options: Omit<ServiceOptions, 'target'>,
): Promise<string[]> {
  const service = await serviceOf([A, B], options);
  for (let i = 0; i < calls; i++) make(service);
  await after(latency);
  for (const request of waiting(service)) answer(request);
  await after(3_000);
  return service.logs;
}

it('a hedge that is sent before the median answer comes is told of once', async () => {
  const logs = await logsAfter(100, 40, { hedge: { delay: 10 }, outlierDetection: false });
  expect(logs).toEqual([
    expect.stringMatching(
      /^services\.orders\.hedge\.delay: 10 ms are less than half of all attempts take \(the median is 40(\.\d+)? ms\)/,
    ),
  ]);
});

it.each([
  ['too few answers say nothing', 99, { hedge: { delay: 10 } }],
  ['a delay above the median is right', 100, { hedge: { delay: 50 } }],
  ['a percentile follows the latency by itself', 100, { hedge: { delay: 'p95' } }],
  ['without hedging there is nothing to tell', 100, {}],
] as const)('%s', async (_what, calls, options) => {
  expect(await logsAfter(calls, 40, options)).toEqual([]);
});

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
  expect(await logsOf({ retryUnknown: true })).toEqual([
    expect.stringMatching(
      /^services\.orders\.retry: calls are retried for messages that came without metadata/,
    ),
  ]);
  expect(await logsOf({ retryUnknown: false })).toEqual([]);
});
