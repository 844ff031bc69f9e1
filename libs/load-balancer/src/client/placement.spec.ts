import { describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../cluster/endpoint.js';
import type { ServiceOptions } from '../module/options.js';
import type { Strategy, StrategyNode } from '../strategies/strategy.js';
import { FakeService } from '../testing/fake-service.js';
import { after, answer, make, nodeOf, settled, useVirtualTime, waiting } from './call.spec.fixture.js';

useVirtualTime();

type Labels = Pick<Endpoint, 'zone' | 'priority' | 'weight' | 'draining'>;

const endpoints = (from: number, count: number, labels: Labels = {}): Endpoint[] =>
  Array.from({ length: count }, (_, i) => ({ host: `10.0.0.${from + i}`, port: 1, ...labels }));
const keys = (nodes: readonly Endpoint[]): string[] => nodes.map(({ host, port }) => `${host}:${port}`);

async function serviceOf(nodes: readonly Endpoint[], options?: Omit<ServiceOptions, 'target'>) {
  const service = new FakeService(options);
  service.resolve(...nodes);
  service.accept(...service.transports.keys());
  await settled();
  return service;
}

function nodeOfCall(service: FakeService): string | undefined {
  make(service);
  const [request] = waiting(service);
  const node = nodeOf(service, request);
  answer(request);
  return node;
}

const nodesOfCalls = (service: FakeService, calls = 60): Set<string | undefined> =>
  new Set(Array.from({ length: calls }, () => nodeOfCall(service)));

describe('priorities', () => {
  const primary = endpoints(1, 6);
  const standby = endpoints(11, 6, { priority: 1 });

  it('are connected alike at start-up, so that calls can move at once', async () => {
    const connection = { eager: 6 };
    const service = await serviceOf([...primary, ...standby], { connection });
    expect([...service.transports.keys()].sort()).toEqual(
      [...keys(primary.slice(0, 3)), ...keys(standby.slice(0, 3))].sort(),
    );
  });

  it('fill the places at start-up that another one has no nodes for', async () => {
    const connection = { eager: 6 };
    const service = await serviceOf([...primary, ...standby.slice(0, 1)], { connection });
    expect(service.transports.size).toBe(6);
    expect(service.transports.has(keys(standby)[0]!)).toBe(true);
  });

  it('move calls as soon as connections are lost, with no call failing, and back', async () => {
    const service = await serviceOf([...primary, ...standby]);
    expect(nodesOfCalls(service)).toEqual(new Set(keys(primary)));
    for (const key of keys(primary)) service.transport(key).lose();
    expect(nodesOfCalls(service)).toEqual(new Set(keys(standby)));
    service.accept(...keys(primary));
    await settled();
    expect(nodesOfCalls(service)).toEqual(new Set(keys(primary)));
  });
});

describe('a strategy of one’s own', () => {
  it('is made for each place with the nodes of that, and guarded in each', async () => {
    const seen: string[][] = [];
    const strategy = (): Strategy => {
      const index = seen.push([]) - 1;
      return {
        update: (nodes: readonly StrategyNode[]) => (seen[index] = nodes.map(({ key }) => key)),
        pick: () => {
          throw new Error('never');
        },
      };
    };
    const near = endpoints(1, 2, { zone: 'a' });
    const far = endpoints(11, 6, { zone: 'b' });
    const service = await serviceOf([...near, ...far], { strategy, locality: { zone: 'a' } });
    expect(nodesOfCalls(service)).toEqual(new Set(keys([...near, ...far])));
    expect(seen).toEqual([keys(near), keys(far)]);
  });
});

describe('a factory that fails for a further place', () => {
  const once = (): (() => Strategy) => {
    let made = 0;
    return () => {
      if (made++ > 0) throw new Error('only once');
      let first: StrategyNode | undefined;
      return { update: ([node]) => (first = node), pick: () => first };
    };
  };
  const primary = endpoints(1, 2);
  const standby = endpoints(11, 3, { priority: 1 });

  it.each(['strategy', 'dryRun'] as const)('fails no call, and is told once, as %s', async (option) => {
    const factory = once();
    const service = await serviceOf([...primary, ...standby], {
      [option]: option === 'dryRun' ? { strategy: factory } : factory,
    });
    nodesOfCalls(service);
    for (let round = 0; round < 2; round++) {
      for (const key of keys(primary)) service.transport(key).lose();
      expect(nodesOfCalls(service)).toEqual(new Set(keys(standby)));
      service.accept(...keys(primary));
      await after(1_000);
      expect(keys(primary)).toEqual(expect.arrayContaining([...nodesOfCalls(service)]));
    }
    const what = option === 'dryRun' ? 'dry run of strategy' : 'strategy';
    expect(service.logs).toEqual([
      `orders: ${what} "custom": it could not be made for a further priority or zone: only once; nodes are taken in turn instead`,
    ]);
  });
});

describe('a function that makes hash keys', () => {
  async function timesAsked(strategy: 'maglev' | 'least-request'): Promise<number> {
    let asked = 0;
    const service = await serviceOf([...endpoints(1, 3, { zone: 'a' }), ...endpoints(11, 9, { zone: 'b' })], {
      strategy,
      slowStart: {},
      locality: { zone: 'a' },
      hashKey: () => `key-${asked++}`,
    });
    nodeOfCall(service);
    return asked;
  }

  it('is asked once for a call, and not at all where no strategy goes by keys', async () => {
    expect(await timesAsked('maglev')).toBe(1);
    expect(await timesAsked('least-request')).toBe(0);
  });
});

describe('a subset', () => {
  const all = endpoints(1, 40);
  const members = ({ upstream }: FakeService): string[] => [...upstream.cluster.nodes.keys()];

  it('is all that there is: nothing is kept of, or connected to, other nodes', async () => {
    const service = await serviceOf(all, { subset: { size: 5, clientId: 'me' } });
    expect(members(service)).toHaveLength(5);
    expect([...service.transports.keys()]).toEqual(members(service));
    expect(service.upstream.snapshot()).toMatchObject({ total: 5, known: 40 });
  });

  it('is chosen anew with each list of nodes, and keeps who stays', async () => {
    const service = await serviceOf(all, { subset: { size: 5, clientId: 'me' } });
    const before = members(service);
    const gone = before[2];
    service.resolve(...all.filter((node) => keys([node])[0] !== gone));
    const after = members(service);
    expect(after).toHaveLength(5);
    expect(after.filter((key) => before.includes(key))).toHaveLength(4);
    service.resolve(...all);
    expect(members(service)).toEqual(before);
  });

  it('takes another node for one that starts to drain', async () => {
    const service = await serviceOf(all, { subset: { size: 5, clientId: 'me' } });
    const [gone] = members(service);
    service.resolve(...all.map((node) => (keys([node])[0] === gone ? { ...node, draining: true } : node)));
    expect(members(service)).toHaveLength(5);
    expect(members(service)).not.toContain(gone);
  });

  it('is the same for services of the same client', async () => {
    const subset = { size: 5, clientId: 'me' };
    const [one, other] = await Promise.all([serviceOf(all, { subset }), serviceOf(all, { subset })]);
    expect(members(one)).toEqual(members(other));
  });
});
