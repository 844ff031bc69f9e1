import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FakeNode } from '../testing/fake-nodes.js';
import { anyCall, fakeDeps, fakeNodes } from '../testing/fake-nodes.js';
import { layOut } from './stride-round.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

function weighted(...weights: number[]): FakeNode[] {
  return fakeNodes(weights.length).map((node, i) => ({ ...node, weight: weights[i]! }));
}

function strategyOf(nodes: readonly FakeNode[], seed = 1): WeightedRoundRobin<FakeNode> {
  const strategy = new WeightedRoundRobin<FakeNode>(fakeDeps(seed));
  strategy.update(nodes);
  return strategy;
}

/** Counts picks in `inFlight`, which costs less than a map. */
function pickOften(strategy: WeightedRoundRobin<FakeNode>, picks: number): void {
  for (let i = 0; i < picks; i++) strategy.pick(anyCall)!.inFlight++;
}

/** The calls by which each node is off its share, and what it should have had. */
function errors(nodes: readonly FakeNode[], picks: number): { off: number; share: number }[] {
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  return nodes.map(({ weight, inFlight }) => {
    const share = (picks * weight) / total;
    return { off: Math.abs(inFlight - share), share };
  });
}

describe('weighted-round-robin', () => {
  const anyWeight = fc.oneof(
    fc.integer({ min: 1, max: 10 }),
    fc.double({ min: 0.001, max: 65_535, noNaN: true }),
    fc.constantFrom(1, 0.1, 65_535),
  );

  it('gives every node its share to within 1 %, or a few calls of a small one, whatever the weights', () => {
    fc.assert(
      fc.property(fc.array(anyWeight, { minLength: 1, maxLength: 60 }), fc.integer(), (weights, seed) => {
        const nodes = weighted(...weights);
        pickOften(strategyOf(nodes, seed), 100_000);
        for (const { off, share } of errors(nodes, 100_000)) {
          expect(off).toBeLessThan(Math.max(share / 100, 4));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is exact to a few calls among a thousand nodes, and beside one that outweighs them all', () => {
    const decreasing = weighted(...Array.from({ length: 1_000 }, (_, i) => 1 / (i + 1)));
    const giant = weighted(65_535, ...Array.from({ length: 999 }, () => 1));
    for (const nodes of [decreasing, giant]) {
      pickOften(strategyOf(nodes), 100_000);
      for (const { off } of errors(nodes, 100_000)) expect(off).toBeLessThan(4);
    }
  });

  it('takes nodes of equal weight strictly in turn', () => {
    const nodes = weighted(0.1, 0.1, 0.1, 0.1, 0.1);
    const strategy = strategyOf(nodes);
    for (let round = 0; round < 20; round++) {
      const picked = nodes.map(() => strategy.pick(anyCall));
      expect(new Set(picked).size).toBe(nodes.length);
    }
  });

  it('spreads the calls of a heavy node over time instead of sending them in bursts', () => {
    const [heavy, ...light] = weighted(2, 1, 1) as [FakeNode, FakeNode, FakeNode];
    const strategy = strategyOf([heavy, ...light]);
    for (let window = 0; window < 100; window++) {
      const picked = Array.from({ length: 4 }, () => strategy.pick(anyCall));
      expect(picked.filter((node) => node === heavy)).toHaveLength(2);
    }
  });

  it('passes over fewer than one node for a pick on average, however uneven the weights', () => {
    fc.assert(
      fc.property(fc.array(anyWeight, { minLength: 1, maxLength: 60 }), (weights) => {
        const { places, rates } = layOut(weighted(...weights), 0);
        const picksInOnePass = rates.reduce((sum, rate) => sum + rate, 0);
        expect(places.length / picksInOnePass).toBeLessThan(2);
        expect(Math.max(...rates)).toBe(1);
      }),
    );
  });

  it('does not start every client with the same node', () => {
    const starts = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      starts.add(strategyOf(weighted(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), seed).pick(anyCall)!.key);
    }
    expect(starts.size).toBeGreaterThan(5);
  });

  it('is the same every time for the same start', () => {
    const sequence = (): (string | undefined)[] => {
      const strategy = strategyOf(weighted(5, 0.3, 2), 7);
      return Array.from({ length: 200 }, () => strategy.pick(anyCall)?.key);
    };
    expect(sequence()).toEqual(sequence());
  });

  it('goes on where it was when it is given the same set again', () => {
    const nodes = weighted(7, 2, 1);
    const strategy = strategyOf(nodes);
    for (let i = 0; i < 5_000; i++) {
      strategy.update([...nodes]);
      pickOften(strategy, 2);
    }
    for (const { off } of errors(nodes, 10_000)) expect(off).toBeLessThan(4);
  });

  it('takes up new weights at once', () => {
    const nodes = weighted(1, 1);
    const strategy = strategyOf(nodes);
    pickOften(strategy, 1_001);
    const changed = weighted(9, 1);
    strategy.update(changed);
    pickOften(strategy, 1_000);
    for (const { off } of errors(changed, 1_000)) expect(off).toBeLessThan(4);
  });

  it('keeps the shares while a node comes and goes', () => {
    const nodes = weighted(6, 3, 1, 5);
    const strategy = strategyOf(nodes);
    for (let i = 0; i < 4_000; i++) {
      strategy.update(i % 2 === 0 ? nodes : nodes.slice(0, 3));
      pickOften(strategy, 7);
    }
    const stayed = nodes.slice(0, 3);
    const picks = stayed.reduce((sum, { inFlight }) => sum + inFlight, 0);
    for (const { off, share } of errors(stayed, picks)) expect(off).toBeLessThan(share / 20);
  });
});
