import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fakeDeps, fakeNodes } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { ConsistentHash, type ConsistentHashOptions } from './consistent-hash.js';
import { seededRandom } from '../testing/seeded-random.js';
import { buildMaglev } from './maglev.js';
import { buildRing } from './ring-hash.js';
import { mix } from './string-hash.js';

const KEYS = Array.from({ length: 20_000 }, (_, i) => `customer-${i}`);

describe.each([
  ['ring-hash', buildRing],
  ['maglev', buildMaglev],
] as const)('%s', (_name, build) => {
  const make = (
    nodes: readonly FakeNode[],
    seed = 1,
    options: ConsistentHashOptions = {},
  ): ConsistentHash<FakeNode> => {
    const strategy = new ConsistentHash<FakeNode>(fakeDeps(seed), build, options);
    strategy.update(nodes);
    return strategy;
  };
  const owner = (strategy: ConsistentHash<FakeNode>, hashKey: string): FakeNode =>
    strategy.pick({ pattern: 'test', tried: undefined, hashKey })!;
  const owners = (nodes: readonly FakeNode[]): string[] => {
    const strategy = make(nodes);
    return KEYS.map((key) => owner(strategy, key).key);
  };

  it('sends a key to the same node, from any client, in whatever order the nodes are listed', () => {
    const nodes = fakeNodes(20);
    const one = make(nodes, 1);
    const other = make([...nodes].reverse(), 2);
    for (const key of KEYS.slice(0, 500)) expect(owner(other, key)).toBe(owner(one, key));
  });

  it.each([3, 10, 40])(
    'moves at most 1.2/N of the keys when one of %d nodes goes, and no others',
    (count) => {
      const nodes = fakeNodes(count);
      const before = owners(nodes);
      for (const gone of [0, count >> 1, count - 1]) {
        const after = owners(nodes.filter((_, i) => i !== gone));
        const moved = before.filter((key, i) => key !== after[i]);
        expect(moved.length).toBeLessThanOrEqual((1.2 * KEYS.length) / count);
        const innocent = moved.filter((key) => key !== nodes[gone]!.key);
        expect(innocent.length).toBeLessThan(KEYS.length / 1_000);
      }
    },
  );

  it('moves at most 1.2/N of the keys when even the busiest of a thousand nodes goes', () => {
    const nodes = fakeNodes(1_000);
    const keys = 1_500_000;
    const before = build(nodes);
    for (let key = 0; key < keys; key++) before.find(mix(key)).inFlight++;
    const [busiest] = [...nodes].sort((a, b) => b.inFlight - a.inFlight);
    const after = build(
      nodes.filter((node) => node !== busiest),
      before,
    );
    let moved = 0;
    for (let key = 0; key < keys; key++) if (before.find(mix(key)) !== after.find(mix(key))) moved++;
    expect(moved).toBeLessThanOrEqual((1.2 * keys) / 1_000);
  });

  it('is the same table whichever one it was made from', () => {
    const hashes = Array.from({ length: 3_000 }, (_, i) => Math.imul(i, 0x9e3779b9) >>> 0);
    const change = fc.record({
      kept: fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
      heavy: fc.nat(29),
      reversed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const pool = fakeNodes(30);
        let table = build(pool);
        for (const { kept, heavy, reversed } of changes) {
          const nodes = pool.filter((_, i) => kept[i] === true || i === 0);
          pool[heavy]!.weight = pool[heavy]!.weight === 1 ? 2.5 : 1;
          if (reversed) nodes.reverse();
          table = build(nodes, table);
          const anew = build(nodes);
          expect(hashes.filter((hash) => table.find(hash) !== anew.find(hash))).toEqual([]);
        }
      }),
      { seed: 1, numRuns: 4 },
    );
  });

  it('takes nodes in at once that come while there are as few, so that the first one connected does not get everything', () => {
    const nodes = fakeNodes(8);
    const strategy = make(nodes.slice(0, 1));
    strategy.update(nodes);
    expect(KEYS.map((key) => owner(strategy, key).key)).toEqual(owners(nodes));
  });

  it('builds no table anew for nodes that were out for a moment, and one when a weight is another', () => {
    let built = 0;
    const nodes = fakeNodes(10);
    const strategy = new ConsistentHash<FakeNode>(fakeDeps(), (of) => {
      built++;
      return build(of);
    });
    strategy.update(nodes);
    strategy.update(nodes.slice(1));
    strategy.update([...nodes]);
    strategy.refresh();
    expect(built).toBe(1);
    nodes[0]!.weight = 3;
    strategy.update([...nodes]);
    strategy.refresh();
    expect(built).toBe(2);
  });

  it('gives nodes keys by their weight', () => {
    const nodes = fakeNodes(5).map((node, i) => ({ ...node, weight: [1, 1, 2, 4, 0.5][i]! }));
    const counts = new Map<string, number>();
    for (const key of owners(nodes)) counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const { key, weight } of nodes) {
      const share = (weight / 8.5) * KEYS.length;
      expect(Math.abs(counts.get(key)! - share)).toBeLessThan(share * 0.2);
    }
  });

  it('spills a hot key when its node has 1.25 times its share of what is in flight, and keeps it until then', () => {
    const nodes = fakeNodes(10);
    const strategy = make(nodes);
    const home = owner(strategy, 'hot');
    const ownerWith = (inFlight: number): FakeNode => {
      home.inFlight = inFlight;
      for (let i = 0; i < 50; i++) strategy.pick({ pattern: 'test', tried: undefined });
      return owner(strategy, 'hot');
    };
    for (const node of nodes) node.inFlight = 400;
    expect(ownerWith(500)).toBe(home);
    expect(ownerWith(530)).not.toBe(home);
    expect(owner(strategy, 'hot')).toBe(owner(strategy, 'hot'));
  });

  it('keeps the calls of a key together while they are few, and spills them when they are not', () => {
    const nodes = fakeNodes(50);
    const strategy = make(nodes);
    const home = owner(strategy, 'hot');
    const places = Array.from({ length: 20 }, () => {
      const node = owner(strategy, 'hot');
      node.inFlight++;
      return node;
    });
    expect(places.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => home));
    expect(home.inFlight).toBe(8);
  });

  /** The share of calls that go to the node that their key belongs to, of 300 keys that are equally hot. */
  function atHome(count: number, inFlight: number, options?: ConsistentHashOptions): number {
    const nodes = fakeNodes(count);
    const strategy = make(nodes, 1, options);
    const keys = KEYS.slice(0, 300);
    const homes = keys.map((key) => owner(strategy, key));
    const random = seededRandom(count + inFlight);
    const running: FakeNode[] = [];
    let home = 0;
    for (let call = 0; call < inFlight + 2_000; call++) {
      const key = Math.floor(random() * keys.length);
      const node = owner(strategy, keys[key]!);
      if (call >= inFlight) {
        if (node === homes[key]) home++;
        const at = Math.floor(random() * running.length);
        running[at]!.inFlight--;
        running[at] = node;
      } else running.push(node);
      node.inFlight++;
    }
    return home / 2_000;
  }

  it.each([
    [4, 3],
    [10, 5],
    [10, 40],
    [10, 80],
    [10, 400],
    [50, 50],
  ])(
    'of keys that are alike hardly any leaves home, with %d nodes and %d calls in flight',
    (count, calls) => {
      expect(atHome(count, calls)).toBeGreaterThan(0.97);
    },
  );

  it('bounds what a node may have as the option says, or not at all', () => {
    const most = (options: ConsistentHashOptions): number => {
      const nodes = fakeNodes(10);
      const strategy = make(nodes, 1, options);
      for (let i = 0; i < 5_000; i++) owner(strategy, 'hot').inFlight++;
      return Math.max(...nodes.map(({ inFlight }) => inFlight));
    };
    expect(most({ bound: false })).toBe(5_000);
    expect(Math.abs(most({ bound: 2 }) - 1_000)).toBeLessThan(10);
    expect(Math.abs(most({}) - 625)).toBeLessThan(10);
    expect(Math.abs(most({ bound: 1 }) - (500 + 3 * Math.sqrt(500)))).toBeLessThan(10);
  });

  it('spills hot keys of one node to different nodes, whichever it is and however loaded the others are', () => {
    fc.assert(
      fc.property(fc.nat(19), fc.nat(60), (index, busy) => {
        const nodes = fakeNodes(20);
        const strategy = make(nodes);
        const home = nodes[index]!;
        const hot = KEYS.filter((key) => owner(strategy, key) === home).slice(0, 50);
        for (const node of nodes) node.inFlight = busy;
        home.inFlight = 150;
        for (let i = 0; i < 50; i++) strategy.pick({ pattern: 'test', tried: undefined });
        const refuges = new Set(hot.map((key) => owner(strategy, key)));
        expect(refuges.has(home)).toBe(false);
        expect(refuges.size).toBeGreaterThan(10);
      }),
      { numRuns: 8 },
    );
  });

  it('keeps the load of every node within the bound, whatever is hot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer(), (count, seed) => {
        const nodes = fakeNodes(count);
        const strategy = make(nodes, seed);
        for (let calls = 1; calls <= 300; calls++) {
          owner(strategy, calls % 4 === 0 ? `cold-${calls}` : 'hot').inFlight++;
          // A quarter of a call a node is what the estimate of the total may be behind by.
          const share = calls / count;
          const bound = Math.max(8, Math.ceil(Math.max(1.25 * share, share + 3 * Math.sqrt(share))) + 1);
          expect(Math.max(...nodes.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('goes to the next node of the key when a call failed on the first, and to others for other keys', () => {
    const nodes = fakeNodes(10);
    const strategy = make(nodes);
    const home = owner(strategy, KEYS[0]!);
    const alike = KEYS.filter((key) => owner(strategy, key) === home).slice(0, 40);
    const seconds = alike.map((hashKey) =>
      strategy.pick({ pattern: 'test', tried: new Set([home]), hashKey })!,
    );
    expect(seconds).not.toContain(home);
    expect(new Set(seconds).size).toBeGreaterThan(5);
  });

  it('needs no new table to stop picking a node that has left; one that joined gets keys with the next refresh', () => {
    const nodes = fakeNodes(11);
    const strategy = make(nodes.slice(0, 10));
    const home = owner(strategy, 'a-key');
    strategy.update(nodes.filter((node) => node !== home));
    for (const key of KEYS.slice(0, 2_000)) expect([home, nodes[10]]).not.toContain(owner(strategy, key));
    strategy.refresh();
    const joined = KEYS.filter((key) => owner(strategy, key) === nodes[10]).length;
    expect(Math.abs(joined - KEYS.length / 10)).toBeLessThan(KEYS.length / 50);
  });

  it('spreads calls without a key over all nodes', () => {
    const nodes = fakeNodes(8);
    const strategy = make(nodes);
    for (let i = 0; i < 8_000; i++) strategy.pick({ pattern: 'test', tried: undefined })!.inFlight++;
    for (const { inFlight } of nodes) expect(Math.abs(inFlight - 1_000)).toBeLessThan(260);
  });

  it('never throws, and picks a node while there is one, whatever joins, leaves and fills up', () => {
    const change = fc.record({ size: fc.nat(12), busy: fc.nat(100), tried: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const pool = fakeNodes(12);
        const strategy = make([]);
        for (const { size, busy, tried } of changes) {
          const nodes = pool.slice(12 - size);
          for (const node of nodes) node.inFlight = busy;
          strategy.update(nodes);
          for (const hashKey of KEYS.slice(0, 20)) {
            const node = strategy.pick({ pattern: 'test', tried: new Set(pool.slice(0, tried)), hashKey });
            if (size === 0) expect(node).toBeUndefined();
            else expect(nodes).toContain(node);
          }
        }
      }),
      { numRuns: 15 },
    );
  });
});
