import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StrategyName } from '../strategies/registry.js';
import { builtInStrategies, STRATEGY_NAMES } from '../strategies/registry.js';
import type { Strategy, StrategyFactory } from '../strategies/strategy.js';
import { seededRandom } from '../testing/seeded-random.js';
import { Cluster } from './cluster.js';
import { resolveEndpoint, type ResolvedEndpoint } from './endpoint.js';
import type { ClusterNode } from './node.js';
import { SlowStart } from './slow-start.js';

type Node = ClusterNode<undefined>;

/** Those that give each node calls, as its number or its weight says. */
const SPREADING = STRATEGY_NAMES.filter((name) => name !== 'pick-first');
const BY_WEIGHT = [
  'weighted-round-robin',
  'least-request',
  'peak-ewma',
  'maglev',
] as const satisfies StrategyName[];

function clusterWith(name: StrategyName, { seed = 1, slowStart = false } = {}) {
  const random = seededRandom(seed);
  const clock = { now: () => time, wall: () => time };
  let time = 0;
  const factory: StrategyFactory = builtInStrategies[name];
  const strategy = factory({ random, now: clock.now }, {}) as unknown as Strategy<Node>;
  const subject = new Cluster<undefined>(
    {
      strategy: slowStart ? new SlowStart(strategy, { random, now: clock.now }) : strategy,
      panicThreshold: 50,
      probed: false,
      ejection: false,
      clock,
      random,
    },
    {
      onAdded: (node) => node.setConnection('connected', 'connected'),
      onRemoved: () => undefined,
      onStatus: () => undefined,
      onPanic: () => undefined,
      onEjected: () => undefined,
      onTrial: () => undefined,
      onReturned: () => undefined,
    },
  );
  let calls = seed * 1_000_000;
  /** Calls of ever new keys, each answered before the next one; counts them by node. */
  const call = (count: number, tally = new Map<Node, number>()): Map<Node, number> => {
    for (let i = 0; i < count; i++) {
      const node = subject.pick({ pattern: 'p', tried: undefined, hashKey: hashKey(calls++) });
      if (node === undefined) throw new Error('no node');
      node.begin();
      node.end('answered', 5, undefined, time);
      tally.set(node, (tally.get(node) ?? 0) + 1);
    }
    return tally;
  };
  /** Slow start leaves calls with a key alone, so they have none there. */
  const hashKey = (i: number): string | undefined => (slowStart ? undefined : `key-${i}`);
  return { subject, call, advance: (ms: number) => (time += ms) };
}

/** A few seeds, drawn anew for no run: what fails is to fail again. */
const anySeed = (holds: (seed: number) => void): void =>
  fc.assert(fc.property(fc.nat(1_000_000), holds), { seed: 1, numRuns: 3 });

const endpoint = (id: number, weight = 1): ResolvedEndpoint =>
  resolveEndpoint({ host: `10.0.${id >> 8}.${id & 255}`, port: 1, weight });
const endpoints = (count: number): ResolvedEndpoint[] =>
  Array.from({ length: count }, (_, id) => endpoint(id));

describe.each(STRATEGY_NAMES)('in a cluster, %s', (name) => {
  it('never throws and picks nobody when all nodes are down, and somebody as soon as one is back', () => {
    const { subject, call } = clusterWith(name);
    subject.apply(endpoints(4));
    call(20);
    const nodes = [...subject.nodes.values()];
    for (const node of nodes) node.setConnection('disconnected', 'reset');
    for (let i = 0; i < 20; i++) {
      expect(subject.pick({ pattern: 'p', tried: undefined, hashKey: `${i}` })).toBeUndefined();
      expect(subject.pick({ pattern: 'p', tried: new Set(nodes) })).toBeUndefined();
    }
    subject.upkeep();
    nodes[2]!.setConnection('connected', 'connected');
    expect([...call(20).keys()]).toEqual([nodes[2]]);
  });

  it('gives a node of weight 0 nothing, whatever else happens', () => {
    const weights = fc.array(fc.constantFrom(0, 0, 1, 2.5), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(weights, { minLength: 1, maxLength: 4 }), fc.integer(), (sets, seed) => {
        const { subject, call } = clusterWith(name, { seed });
        for (const set of sets) {
          subject.apply(set.map((weight, id) => endpoint(id, weight)));
          if (!set.some((weight) => weight > 0)) {
            expect(subject.pick({ pattern: 'p', tried: undefined })).toBeUndefined();
            continue;
          }
          for (const node of call(60).keys()) expect(node.weight).toBeGreaterThan(0);
          subject.upkeep();
        }
      }),
      { seed: 1, numRuns: 25 },
    );
  });

  it('keeps connections and statistics of the survivors while 100 nodes of a thousand change one by one', () => {
    const { subject, call, advance } = clusterWith(name);
    let set = endpoints(1_000);
    subject.apply(set);
    call(2_000);
    const before = new Map(subject.nodes);
    const known = [...before.values()].map((node) => [node, node.snapshot(), node.pace(0)] as const);
    const waiting = subject.nodes.get('10.0.0.0:1')!;
    waiting.begin();
    for (let change = 0; change < 100; change++) {
      advance(10);
      const gone = 1 + ((change * 37) % (set.length - 1));
      set = [...set.filter((_, i) => i !== gone), endpoint(1_000 + change)];
      subject.apply(set);
      expect(subject.nodes.has(subject.pick({ pattern: 'p', tried: undefined })!.key)).toBe(true);
    }
    expect(waiting.inFlight).toBe(1);
    let survivors = 0;
    for (const [node, { calls, latency, status }, pace] of known) {
      if (subject.nodes.get(node.key) !== node) continue;
      survivors++;
      expect(node.status).toBe(status);
      expect(node.latency).toBe(latency);
      if (node !== waiting) expect(node.snapshot().calls).toBe(calls);
      expect(node.pace(0)).toBe(pace);
    }
    expect(survivors).toBeGreaterThanOrEqual(900);
  });
});

describe.each(SPREADING)('in a cluster, %s', (name) => {
  it('starves nobody and floods nobody while 100 nodes of a thousand change one by one', () => {
    const { subject, call, advance } = clusterWith(name);
    let set = endpoints(1_000);
    subject.apply(set);
    const survivors = new Set(subject.nodes.values());
    const tally = new Map<Node, number>();
    for (let change = 0; change < 100; change++) {
      advance(10);
      const gone = (change * 37) % set.length;
      set = [...set.filter((_, i) => i !== gone), endpoint(1_000 + change)];
      subject.apply(set);
      call(500, tally);
    }
    for (const node of subject.nodes.values()) {
      if (!survivors.has(node)) continue;
      // 50 calls each; six σ of chance, and what a table of hashes is off by.
      expect(tally.get(node)).toBeGreaterThan(50 - 45);
      expect(tally.get(node)).toBeLessThan(50 + 55);
    }
  });

  it('gives a node that joins its share and no more, whatever the chance', () => {
    anySeed((seed) => {
      const { subject, call } = clusterWith(name, { seed });
      subject.apply(endpoints(9));
      call(1_000);
      subject.apply(endpoints(10));
      subject.upkeep();
      const joined = subject.nodes.get(`10.0.0.9:1`)!;
      const calls = call(10_000).get(joined) ?? 0;
      // Five σ, and 5 % for a table of hashes.
      expect(Math.abs(calls - 1_000)).toBeLessThan(200);
    });
  });

  it.each([
    ['its share and no more', false, 0.7, 1.3],
    ['a tenth of its share with a slow start', true, 0.02, 0.3],
  ])('gives a node that comes back %s', (_, slowStart, least, most) => {
    anySeed((seed) => {
      const { subject, call, advance } = clusterWith(name, { seed, slowStart });
      subject.apply(endpoints(5));
      call(500);
      const back = subject.nodes.get('10.0.0.3:1')!;
      back.setConnection('disconnected', 'reset');
      advance(60_000);
      call(500);
      back.setConnection('connected', 'connected');
      call(1);
      subject.upkeep();
      const calls = call(5_000).get(back) ?? 0;
      expect(calls).toBeGreaterThan(1_000 * least);
      expect(calls).toBeLessThan(1_000 * most);
    });
  });

  it('gives equal nodes equal shares, over a long run and in each part of it', () => {
    anySeed((seed) => {
      const { subject, call, advance } = clusterWith(name, { seed });
      subject.apply(endpoints(6));
      for (let part = 0; part < 3; part++) {
        const tally = call(6_000);
        // Ten virtual minutes a part: nobody is forgotten in a quiet time.
        advance(600_000);
        subject.upkeep();
        for (const node of subject.nodes.values())
          expect(Math.abs((tally.get(node) ?? 0) - 1_000)).toBeLessThan(220);
      }
    });
  });
});

describe.each(BY_WEIGHT)('in a cluster, %s', (name) => {
  it('gives each node the share of its weight to within 1 % of 100 000 calls, whatever the weights', () => {
    const weight = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0.01, max: 500, noNaN: true }));
    fc.assert(
      fc.property(fc.array(weight, { minLength: 2, maxLength: 12 }), fc.integer(), (weights, seed) => {
        const { subject, call } = clusterWith(name, { seed });
        subject.apply(weights.map((each, id) => endpoint(id, each)));
        const total = weights.reduce((sum, each) => sum + each, 0);
        const tally = call(100_000);
        for (const node of subject.nodes.values())
          expect(Math.abs((tally.get(node) ?? 0) / 100_000 - node.weight / total)).toBeLessThan(0.01);
      }),
      { seed: 1, numRuns: 6 },
    );
  });
});
