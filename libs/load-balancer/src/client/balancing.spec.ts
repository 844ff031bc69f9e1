import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { LoadReport } from '../cluster/snapshot.js';
import type { ServiceOptions } from '../module/options.js';
import type { Strategy, StrategyDeps, StrategyNode } from '../strategies/strategy.js';
import type { FakeService } from '../testing/fake-service.js';
import { seededRandom } from '../testing/seeded-random.js';
import { HashKey } from './hash-key.decorator.js';
import {
  A,
  after,
  answer,
  answerProbes,
  B,
  C,
  make,
  nodeOf,
  refuse,
  sent,
  serviceOf,
  settled,
  useVirtualTime,
  waiting,
  type CallSpec,
} from './call.spec.fixture.js';

useVirtualTime();

beforeEach(() => {
  jest.spyOn(Math, 'random').mockImplementation(seededRandom(5));
});
afterEach(() => {
  jest.restoreAllMocks();
});

const NODES = [A, B, C, '10.0.0.4:1', '10.0.0.5:1', '10.0.0.6:1'];

/** A service of which every node has told that it is ours. */
async function knownService(nodes: string[], options: Omit<ServiceOptions, 'target'>): Promise<FakeService> {
  const service = await serviceOf(nodes, { healthCheck: {}, ...options });
  await after(1);
  answerProbes(service, { load: { inFlight: 0 } });
  await settled();
  return service;
}

/** Makes a call and tells which node it went to. */
function nodeOfCall(service: FakeService, spec?: CallSpec): string {
  make(service, spec);
  const [request] = waiting(service);
  const node = nodeOf(service, request);
  answer(request);
  return node ?? 'none';
}

/** Requests for its load, and probes, that a node has not answered. */
const unanswered = (service: FakeService, node: string): number =>
  service.transport(node).waiting.length - waiting(service).filter((r) => nodeOf(service, r) === node).length;

describe('least-loaded', () => {
  function shareOf(service: FakeService, node: string, loadOf: (node: string) => LoadReport): number {
    let calls = 0;
    for (let i = 0; i < 300; i++) {
      const went = nodeOfCall(service);
      if (went === node) calls++;
      service.transport(went).tell({ load: loadOf(went) });
      for (const each of NODES)
        for (const probe of service.transport(each).waiting) {
          probe.waiting = false;
          probe.reply.next({ lb: 1, features: [], load: loadOf(each) }, true);
        }
    }
    return calls / 300;
  }

  it('leaves a node alone that says that it is busy, and comes back when it says that it is not', async () => {
    const service = await knownService(NODES, { strategy: 'least-loaded' });
    const idle: LoadReport = { inFlight: 2, latency: 3 };
    const busy: LoadReport = { inFlight: 60, latency: 90 };
    expect(shareOf(service, B, (node) => (node === B ? busy : idle))).toBeLessThan(0.02);
    expect(shareOf(service, B, (node) => (node === B ? { inFlight: 0, latency: 1 } : idle))).toBeGreaterThan(
      1 / NODES.length,
    );
  });

  it('asks nodes for their load without a call ever waiting for it, one question a node at a time', async () => {
    const service = await knownService([A, B, C], { strategy: 'least-loaded' });
    for (let i = 0; i < 50; i++) expect(nodeOfCall(service)).not.toBe('none');
    expect([A, B, C].map((node) => unanswered(service, node))).toEqual([1, 1, 1]);
  });

  it('asks none that has left the service, or lost its connection', async () => {
    const service = await knownService([A, B, C], { strategy: 'least-loaded' });
    const gone = service.transport(A);
    service.resolve(B, C);
    service.transport(B).lose();
    await settled();
    const lost = service.transports.get(B)![0]!;
    const before = [gone, lost].map(({ requests }) => requests.length);
    for (let i = 0; i < 50; i++) nodeOfCall(service);
    expect([gone, lost].map(({ requests }) => requests.length)).toEqual(before);
  });
});

describe.each(['ring-hash', 'maglev'] as const)('%s', (strategy) => {
  const KEYS = Array.from({ length: 60 }, (_, i) => `customer-${i}`);
  const patterns = { cart: { hashKey: 'customer' } };

  async function placesOf(nodes: string[], specOf: (key: string) => CallSpec): Promise<string[]> {
    const service = await serviceOf(nodes, { strategy, patterns });
    // The table takes in the last nodes that came at the next refresh.
    await after(1_000);
    return KEYS.map((key) => nodeOfCall(service, specOf(key)));
  }

  it('sends calls of a key to one node, whichever client makes them and wherever the key is from', async () => {
    const one = await placesOf([A, B, C], (hashKey) => ({ options: { hashKey } }));
    const other = await placesOf([C, A, B], (customer) => ({ pattern: 'cart', data: { customer } }));
    expect(other).toEqual(one);
    expect(new Set(one)).toEqual(new Set([A, B, C]));
  });

  it('takes the key of the call over that of its pattern', async () => {
    const one = await placesOf([A, B, C], (hashKey) => ({ options: { hashKey } }));
    const other = await placesOf([A, B, C], (hashKey) => ({
      pattern: 'cart',
      data: { customer: 'all the same' },
      options: { hashKey },
    }));
    expect(other).toEqual(one);
  });

  it('takes a key of the call that is a number for its text, and an empty one for none', async () => {
    const specs: CallSpec['options'][] = [{ hashKey: '7' }, { hashKey: 7 }, { hashKey: 7n }];
    const service = await serviceOf([A, B, C], { strategy, patterns });
    await after(1_000);
    expect(new Set(specs.map((options) => nodeOfCall(service, { options: options! }))).size).toBe(1);
    const anonymous = KEYS.map(() => nodeOfCall(service, { options: { hashKey: '' } }));
    expect(new Set(anonymous)).toEqual(new Set([A, B, C]));
    const ofPattern = (options: object) =>
      KEYS.map((customer) => nodeOfCall(service, { pattern: 'cart', data: { customer }, options }));
    expect(ofPattern({ hashKey: '' })).toEqual(ofPattern({}));
  });
});

it('a class with @HashKey() keeps to one node, unless its pattern or the call says otherwise', async () => {
  class CartDto {
    @HashKey()
    customer = 'c-7';
    constructor(readonly item: number) {}
  }
  const service = await serviceOf([A, B, C], {
    strategy: 'ring-hash',
    hashKey: 'item',
    patterns: { stock: { hashKey: 'item' } },
  });
  await after(1_000);
  const nodesOf = (pattern: string, dataOf: (item: number) => object, options = {}) =>
    new Set(
      Array.from({ length: 40 }, (_, item) => nodeOfCall(service, { pattern, data: dataOf(item), options })),
    );
  expect(nodesOf('cart', (item) => new CartDto(item)).size).toBe(1);
  expect(nodesOf('stock', (item) => new CartDto(item)).size).toBe(3);
  expect(nodesOf('cart', (item) => Object.assign({}, new CartDto(item))).size).toBe(3);
  const named = { hashKey: 'c-7' };
  expect(nodesOf('stock', (item) => new CartDto(item), named)).toEqual(
    nodesOf('cart', (item) => new CartDto(item)),
  );
});

it('a hashKey that throws costs no call, and is told once', async () => {
  const hashKey = (data: { customer: { id: string } }): string => data.customer.id;
  const service = await serviceOf([A, B], { strategy: 'ring-hash', patterns: { cart: { hashKey } } });
  for (let i = 0; i < 5; i++) expect(nodeOfCall(service, { pattern: 'cart' })).not.toBe('none');
  expect(service.logs).toEqual([expect.stringContaining('orders: patterns["cart"].hashKey threw: ')]);
});

it('a strategy that does not hash costs no look at the data', async () => {
  const hashKey = jest.fn(() => 'k');
  const service = await serviceOf([A, B], { strategy: 'least-request', patterns: { p: { hashKey } } });
  nodeOfCall(service);
  expect(hashKey).not.toHaveBeenCalled();
});

describe('a strategy of one’s own', () => {
  class Watching implements Strategy {
    observed: [string, number | undefined][] = [];
    refreshed = 0;
    private nodes: readonly StrategyNode[] = [];

    constructor(private readonly deps: StrategyDeps) {}

    update(nodes: readonly StrategyNode[]): void {
      this.nodes = nodes;
    }
    pick(): StrategyNode | undefined {
      const [first] = this.nodes;
      if (first) this.deps.requestLoad?.(first);
      return first;
    }
    observe(node: StrategyNode): void {
      this.observed.push([node.key, node.load?.inFlight]);
    }
    refresh(): void {
      this.refreshed++;
    }
  }

  it('is told of loads, asks for them, and is refreshed once a second until the client is closed', async () => {
    let made: Watching | undefined;
    const service = await knownService([A], { strategy: (deps) => (made = new Watching(deps)) });
    nodeOfCall(service);
    answerProbes(service, { load: { inFlight: 7 } });
    service.transport(A).tell({ load: { inFlight: 8 } });
    expect(made!.observed).toEqual([
      [A, 7],
      [A, 8],
    ]);
    const { refreshed } = made!;
    await after(3_000);
    expect(made!.refreshed).toBe(refreshed + 3);
    await service.upstream.close();
    await after(3_000);
    expect(made!.refreshed).toBe(refreshed + 3);
  });
});

it('a node that refuses calls for lack of capacity counts as slow as it asks to be left alone', async () => {
  const service = await serviceOf([A, B], { retry: false });
  make(service);
  const [request] = sent(service);
  const node = service.upstream.cluster.nodes.get(nodeOf(service, request)!)!;
  refuse(request, 'overloaded', 60_000);
  expect(node.pace(service.upstream.now())).toBeCloseTo(60_000, -1);
});
