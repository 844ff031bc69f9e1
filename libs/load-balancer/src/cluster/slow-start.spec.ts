import { describe, expect, it } from '@jest/globals';
import { builtInStrategies } from '../strategies/registry.js';
import type { Strategy, StrategyFactory } from '../strategies/strategy.js';
import { fakeNodes } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { seededRandom } from '../testing/seeded-random.js';
import { SlowStart, slowStartShare } from './slow-start.js';

type Starting = FakeNode & { readySince: number; priority: number };

const settings = { window: 10_000, aggression: 1, minWeight: 0.1 };

describe('the share of a node that has just become ready', () => {
  it('grows from the minimum to all of it over the window', () => {
    const shares = [0, 500, 2_500, 5_000, 9_999, 10_000, 1e9].map((age) => slowStartShare(age, settings));
    expect(shares).toEqual([0.1, 0.1, 0.25, 0.5, 0.9999, 1, 1]);
  });

  it('grows faster at first with more aggression', () => {
    expect(slowStartShare(2_500, { ...settings, aggression: 2 })).toBeCloseTo(0.5, 9);
  });
});

describe.each(['round-robin', 'random', 'weighted-round-robin', 'least-request', 'peak-ewma'] as const)(
  'a slow start round %s',
  (name) => {
    /** The first node becomes ready at 0, the other four have been for long. */
    const starting = (readySince: readonly number[]) => {
      const clock = { now: 0 };
      const deps = { random: seededRandom(1), now: () => clock.now };
      const nodes: Starting[] = fakeNodes(readySince.length).map((node, i) => ({
        ...node,
        readySince: readySince[i]!,
        priority: 0,
      }));
      const factory: StrategyFactory = builtInStrategies[name];
      const strategy = new SlowStart(factory(deps, {}) as unknown as Strategy<Starting>, deps, settings);
      strategy.update(nodes);
      const counts = (hashKey?: string, picks = 20_000): number[] => {
        const tally = new Map(nodes.map((node) => [node, 0]));
        for (let i = 0; i < picks; i++) {
          const node = strategy.pick({ pattern: 'test', tried: undefined, hashKey })!;
          tally.set(node, tally.get(node)! + 1);
        }
        return [...tally.values()];
      };
      return { clock, counts };
    };
    const old = -1e6;

    it.each([
      [0, 0.1],
      [5_000, 0.5],
      [10_000, 1],
    ])('gives it, after %d ms, %d of its share, and spreads the rest', (now, part) => {
      const { clock, counts } = starting([0, old, old, old, old]);
      clock.now = now;
      const [first, ...others] = counts();
      expect(Math.abs(first! - 4_000 * part)).toBeLessThan(280);
      for (const other of others) expect(Math.abs(other - (20_000 - first!) / 4)).toBeLessThan(420);
    });

    it('makes no difference between calls with a hash key, by which the strategy does not go, and others', () => {
      const { clock, counts } = starting([0, old, old, old, old]);
      clock.now = 1_000;
      expect(Math.abs(counts('tenant')[0]! - 400)).toBeLessThan(120);
    });

    it('spares a node that comes back soon after the others did, when none has been there for long', () => {
      const { clock, counts } = starting([9_000, 0, 0]);
      clock.now = 9_000;
      const [first, ...others] = counts();
      // Its tenth beside the others' nine tenths, or a ninth of a third: that depends on whether picks are in turn.
      expect(first).toBeGreaterThan(600);
      expect(first).toBeLessThan(1_200);
      for (const other of others) expect(Math.abs(other - (20_000 - first!) / 2)).toBeLessThan(420);
      clock.now = 19_000;
      for (const count of counts()) expect(Math.abs(count - 20_000 / 3)).toBeLessThan(350);
    });

    it('gives calls that one node is spared also to others that are not warm yet, by their shares', () => {
      const { clock, counts } = starting([9_000, 5_000, 0, 100]);
      clock.now = 9_000;
      const [first, second, third, fourth] = counts() as [number, number, number, number];
      expect(first).toBeLessThan(second * 0.4);
      expect(second).toBeLessThan(third * 0.8);
      expect(Math.abs(third - fourth)).toBeLessThan(third * 0.1);
    });

    it('changes nothing when all of them have just started', () => {
      for (const count of starting([0, 0, 0, 0, 0]).counts())
        expect(Math.abs(count - 4_000)).toBeLessThan(280);
    });
  },
);

describe('the explanation of a slow start', () => {
  const old = -1e6;
  const explained = (now: number, readySince: readonly number[]) => {
    const deps = { random: seededRandom(1), now: () => now };
    // The earlier it stands, the more the strategy likes it.
    const nodes: Starting[] = fakeNodes(readySince.length).map((node, i) => ({
      ...node,
      inFlight: i,
      readySince: readySince[i]!,
      priority: 0,
    }));
    const inner = builtInStrategies['least-request'](deps) as unknown as Strategy<Starting>;
    const strategy = new SlowStart(inner, deps, settings);
    strategy.update(nodes);
    const { choice, remarks = new Map() } = strategy.explain({ pattern: 'test', tried: undefined });
    return { choice: nodes.indexOf(choice!), remarks: nodes.map((node) => remarks.get(node)) };
  };
  const takes = (share: number): string => `slow start: takes ${share} % of the calls that would be its`;

  it('says which part of its calls a node takes, and names the likeliest one', () => {
    expect(explained(2_000, [0, 1_000, old])).toEqual({
      choice: 2,
      remarks: [takes(20), takes(10), undefined],
    });
    // Of nodes that have all just started, by what the oldest of them takes.
    expect(explained(5_000, [0, 2_500])).toEqual({ choice: 0, remarks: [undefined, takes(50)] });
    expect(explained(6_000, [0, 0, old])).toEqual({ choice: 0, remarks: [takes(60), takes(60), undefined] });
  });

  it('says nothing where nobody is spared: all are warm, or none is', () => {
    const silent = { choice: 0, remarks: [undefined, undefined] };
    expect(explained(10_000, [0, old])).toEqual(silent);
    expect(explained(1_000, [0, 0])).toEqual(silent);
  });
});

it('a slow start round a strategy that goes by hash keys leaves calls of a key with their node', () => {
  const deps = { random: seededRandom(1), now: () => 0 };
  const nodes = fakeNodes(5).map((node, i): Starting => ({
    ...node,
    readySince: i === 0 ? 0 : -1e6,
    priority: 0,
  }));
  const factory: StrategyFactory = builtInStrategies['ring-hash'];
  const strategy = new SlowStart(factory(deps, {}) as unknown as Strategy<Starting>, deps, settings);
  strategy.update(nodes);
  const owner = (i: number) => strategy.pick({ pattern: 'test', tried: undefined, hashKey: `key-${i}` });
  const owned = Array.from({ length: 1_000 }, (_, i) => owner(i)).filter((node) => node === nodes[0]);
  expect(owned.length).toBeGreaterThan(150);
});
