import { describe, expect, it } from '@jest/globals';
import { healthReport } from '../health/health-report.js';
import type { ServiceOptions } from '../module/options.js';
import type { FakeService } from '../testing/fake-service.js';
import {
  A,
  after,
  answer,
  B,
  C,
  eventsOf,
  LATE,
  make,
  nodeOf,
  serviceOf,
  useVirtualTime,
  waiting,
  type CallSpec,
} from './call.spec.fixture.js';

useVirtualTime();

const LEADER = { name: 'pick-first', shuffle: false } as const;

function nodesOf(service: FakeService, calls: number, spec?: CallSpec): (string | undefined)[] {
  return Array.from({ length: calls }, () => {
    make(service, spec);
    const [request] = waiting(service);
    const node = nodeOf(service, request);
    answer(request);
    return node;
  });
}
const comparisonOf = ({ upstream }: FakeService) => upstream.snapshot().dryRun?.strategy;

describe('a dry run of a strategy', () => {
  it('leaves every pick as it is, and counts where the other one would not have gone', async () => {
    const service = await serviceOf([A, B, C], { dryRun: { strategy: LEADER } });
    const nodes = nodesOf(service, 9);
    expect(new Set(nodes.slice(0, 3))).toEqual(new Set([A, B, C]));
    expect(nodes.slice(3)).toEqual(nodes.slice(0, 6));
    expect(comparisonOf(service)).toEqual({ name: 'pick-first', same: 3, different: 6 });
  });

  it('is not asked for calls that another strategy than that of the service chooses for', async () => {
    const patterns = { p: { strategy: 'random' } };
    const service = await serviceOf([A, B, C], { dryRun: { strategy: LEADER }, patterns });
    nodesOf(service, 5);
    nodesOf(service, 5, { pattern: 'q', options: { strategy: 'least-request' } });
    expect(comparisonOf(service)).toMatchObject({ same: 0, different: 0 });
    nodesOf(service, 3, { options: { strategy: 'round-robin' } });
    expect(comparisonOf(service)).toMatchObject({ same: 1, different: 2 });
  });

  it('costs no call when it goes wrong, which is told', async () => {
    const strategy = () => ({ update: () => undefined, pick: (): never => { throw new Error('no idea'); } }); // prettier-ignore
    const service = await serviceOf([A, B], { dryRun: { strategy } });
    expect(new Set(nodesOf(service, 4))).toEqual(new Set([A, B]));
    expect(service.logs).toEqual([
      'orders: dry run of strategy "strategy": pick() threw: Error: no idea; nodes are taken in turn instead',
    ]);
  });
});

describe('a dry run of ejection', () => {
  const POLICY = { consecutiveFailures: 2, baseEjectionTime: 2_000, maxEjectionPercent: 100 };

  /** A service of which two calls on A time out. */
  async function losing(options: Omit<ServiceOptions, 'target'>): Promise<FakeService> {
    const service = await serviceOf([A, B], options);
    for (let i = 0; i < 2; i++) {
      make(service, { options: { strategy: LEADER, timeout: 20 } });
      await after(20 + LATE);
    }
    return service;
  }
  const reportOf = ({ upstream }: FakeService) => upstream.snapshot().dryRun?.outlierDetection;

  it('tells what the policy would have done, and leaves the node in', async () => {
    const service = await losing({ outlierDetection: false, dryRun: { outlierDetection: POLICY } });
    const reason = '2 calls in a row failed, the last one timed out';
    expect(service.status(A)).toBe('ready');
    expect(eventsOf(service, 'would-eject')).toEqual([
      { type: 'would-eject', service: 'orders', node: A, reason },
    ]);
    expect(eventsOf(service, 'ejected')).toEqual([]);
    expect(reportOf(service)).toEqual({ ejections: 1, returns: 0, out: [{ node: A, reason }] });

    nodesOf(service, 1, { options: { strategy: LEADER } });
    expect(reportOf(service)).toMatchObject({ returns: 0 });
    await after(3_000);
    nodesOf(service, 1, { options: { strategy: LEADER } });
    expect(eventsOf(service, 'would-return')).toEqual([{ type: 'would-return', service: 'orders', node: A }]);
    expect(reportOf(service)).toEqual({ ejections: 1, returns: 1, out: [] });
  });

  it('decides what the same policy decides when it acts', async () => {
    const acting = await losing({ outlierDetection: POLICY });
    const dry = await losing({ outlierDetection: false, dryRun: { outlierDetection: POLICY } });
    const ofNode = ({ node, reason }: { node: string; reason: string }) => ({ node, reason });
    expect(eventsOf(dry, 'would-eject').map(ofNode)).toEqual(eventsOf(acting, 'ejected').map(ofNode));
    expect(acting.status(A)).toBe('ejected');
  });

  it('stands beside the policy that acts', async () => {
    const strict = { ...POLICY, consecutiveFailures: 1 };
    const service = await losing({ outlierDetection: POLICY, dryRun: { outlierDetection: strict } });
    expect(eventsOf(service, 'would-eject')).toHaveLength(1);
    expect(eventsOf(service, 'ejected')).toHaveLength(1);
    expect(service.events.findIndex(({ type }) => type === 'would-eject')).toBeLessThan(
      service.events.findIndex(({ type }) => type === 'ejected'),
    );
  });

  it('forgets a node that leaves', async () => {
    const service = await losing({ outlierDetection: false, dryRun: { outlierDetection: POLICY } });
    service.resolve(B, C);
    expect(reportOf(service)).toEqual({ ejections: 1, returns: 0, out: [] });
  });
});

it('is shown in /health, and nothing of it without one', async () => {
  const of = async (options: Omit<ServiceOptions, 'target'>) =>
    healthReport([(await serviceOf([A], options)).upstream.snapshot()]).services?.orders;
  expect(await of({ dryRun: { strategy: 'random', outlierDetection: {} } })).toMatchObject({
    dryRun: {
      strategy: { name: 'random', same: 0, different: 0 },
      outlierDetection: { ejections: 0, returns: 0, out: [] },
    },
  });
  expect(await of({})).not.toHaveProperty('dryRun');
});

it.each([
  [{}, 'dryRun: expected a strategy or outlierDetection to try out, got neither'],
  [{ strategy: 'randon' }, 'dryRun.strategy: unknown strategy "randon"; did you mean "random"?'],
  [{ outlierDetection: false }, 'dryRun.outlierDetection: expected an object, got false'],
  [
    { outlierDetection: { maxEjectionTime: 9 } },
    'dryRun.outlierDetection.maxEjectionTime: expected at least the base time (30000 milliseconds), got 9',
  ],
])('refuses %j', async (dryRun, problem) => {
  await expect(serviceOf([A], { dryRun: dryRun as never })).rejects.toThrow(`services.orders.${problem}`);
});
