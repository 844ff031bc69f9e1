import { afterEach, expect, it, jest } from '@jest/globals';
import { A, after, answerProbes, B, serviceOf, settled, useVirtualTime } from './call.spec.fixture.js';

useVirtualTime();
afterEach(() => {
  jest.restoreAllMocks();
});

it('outlives whatever is thrown in it, and tells of it once', async () => {
  const service = await serviceOf([A, B]);
  const upkeep = jest.spyOn(service.upstream.cluster, 'upkeep').mockImplementation(() => {
    throw new RangeError('Invalid array length');
  });
  await after(5_000);
  expect(upkeep).toHaveBeenCalledTimes(5);
  expect(service.logs).toEqual([
    'orders: the strategies could not be refreshed: Invalid array length; calls go on without',
  ]);
});

it('takes reports of load that are absurd', async () => {
  const strategy = { name: 'weighted-round-robin', weights: 'reported', blackoutPeriod: 0 } as const;
  const service = await serviceOf([A, B], { healthCheck: {}, strategy });
  await after(1);
  answerProbes(service, { load: { inFlight: 1, rate: 1e15, utilization: 1e-310 } });
  await settled();
  await after(5_000);
  expect(service.logs).toEqual([]);
  expect([...service.upstream.cluster.nodes.values()].map(({ load }) => load?.rate)).toEqual([1e15, 1e15]);
});
