import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FakeNode } from '../testing/fake-nodes.js';
import { anyCall, fakeDeps, fakeNodes, tally } from '../testing/fake-nodes.js';
import { builtInStrategies, STRATEGY_NAMES } from './registry.js';
import type { Strategy, StrategyFactory } from './strategy.js';

function make(name: keyof typeof builtInStrategies, seed = 1): Strategy<FakeNode> {
  const factory: StrategyFactory = builtInStrategies[name];
  // A strategy gives back what it was given.
  return factory(fakeDeps(seed), {}) as unknown as Strategy<FakeNode>;
}

describe.each(STRATEGY_NAMES)('every strategy: %s', (name) => {
  it('picks nothing from an empty set, and does not throw', () => {
    const strategy = make(name);
    expect(strategy.pick(anyCall)).toBeUndefined();
    strategy.update(fakeNodes(2));
    strategy.update([]);
    expect(strategy.pick(anyCall)).toBeUndefined();
  });

  it('explains itself with nodes of the snapshot, and picks on as if it had not', () => {
    const nodes = fakeNodes(6);
    const [strategy, twin] = [make(name), make(name)];
    for (const one of [strategy, twin]) one.update(nodes);
    for (let i = 0; i < 50; i++) {
      const call = { ...anyCall, hashKey: `key-${i}` };
      const { basis, scores, choice } = strategy.explain!(call);
      expect(basis).not.toBe('');
      if (choice) expect(nodes).toContain(choice);
      for (const node of scores.keys()) expect(nodes).toContain(node);
      expect(strategy.pick(call)).toBe(twin.pick(call));
    }
  });

  it('picks only nodes of the last snapshot, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 }),
        fc.integer(),
        (sizes, seed) => {
          const strategy = make(name, seed);
          for (const size of sizes) {
            const nodes = fakeNodes(size);
            strategy.update(nodes);
            for (let i = 0; i < 20; i++) {
              const node = strategy.pick(anyCall);
              if (size === 0) expect(node).toBeUndefined();
              else expect(nodes).toContain(node);
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('round-robin', () => {
  it('gives every node the same number of calls, exactly', () => {
    const strategy = make('round-robin');
    strategy.update(fakeNodes(3));
    expect([...tally(3_000, () => strategy.pick(anyCall)).values()]).toEqual([1_000, 1_000, 1_000]);
  });

  it('does not start every client with the same node', () => {
    const nodes = fakeNodes(10);
    const starts = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const strategy = make('round-robin', seed);
      strategy.update(nodes);
      starts.add(strategy.pick(anyCall)!.key);
    }
    expect(starts.size).toBeGreaterThan(5);
  });

  it('goes on in turn when a node leaves', () => {
    const strategy = make('round-robin');
    const nodes = fakeNodes(4);
    strategy.update(nodes);
    strategy.pick(anyCall);
    strategy.update(nodes.slice(0, 3));
    expect([...tally(300, () => strategy.pick(anyCall)).values()]).toEqual([100, 100, 100]);
  });
});

describe('random', () => {
  it('gives every node its share within statistical error', () => {
    const strategy = make('random');
    strategy.update(fakeNodes(4));
    // 4 σ of a binomial with n = 40 000 and p = 1/4 is 346.
    for (const count of tally(40_000, () => strategy.pick(anyCall)).values()) {
      expect(Math.abs(count - 10_000)).toBeLessThan(346);
    }
  });
});

describe('least-request', () => {
  it('draws two distinct nodes: of two, the less busy one always wins', () => {
    const strategy = make('least-request');
    const nodes = fakeNodes(2);
    nodes[0]!.inFlight = 1;
    strategy.update(nodes);
    expect(tally(1_000, () => strategy.pick(anyCall))).toEqual(new Map([[nodes[1]!.key, 1_000]]));
  });

  it('never picks the busiest of many', () => {
    const strategy = make('least-request');
    const nodes = fakeNodes(10);
    nodes[7]!.inFlight = 5;
    strategy.update(nodes);
    expect(tally(5_000, () => strategy.pick(anyCall)).has(nodes[7]!.key)).toBe(false);
  });

  it('gives equally busy nodes the same share within statistical error', () => {
    const strategy = make('least-request');
    strategy.update(fakeNodes(5));
    // 4 σ of a binomial with n = 50 000 and p = 1/5 is 358.
    for (const count of tally(50_000, () => strategy.pick(anyCall)).values()) {
      expect(Math.abs(count - 10_000)).toBeLessThan(358);
    }
  });

  it('keeps the load of nodes even while calls stay open', () => {
    const strategy = make('least-request');
    const nodes = fakeNodes(10);
    strategy.update(nodes);
    for (let i = 0; i < 1_000; i++) strategy.pick(anyCall)!.inFlight++;
    // Two choices keep the gap at O(log log n); one choice would make it about 30 here.
    expect(
      Math.max(...nodes.map((node) => node.inFlight)) - Math.min(...nodes.map((node) => node.inFlight)),
    ).toBeLessThan(6);
  });
});
