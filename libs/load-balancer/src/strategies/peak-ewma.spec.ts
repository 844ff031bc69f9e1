import { describe, expect, it } from '@jest/globals';
import { anyCall, fakeNodes, tally } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { seededRandom } from '../testing/seeded-random.js';
import { PeakEwma } from './peak-ewma.js';

function of(...nodes: Partial<FakeNode>[]): { nodes: FakeNode[]; strategy: PeakEwma<FakeNode> } {
  const strategy = new PeakEwma<FakeNode>({ random: seededRandom(1), now: () => 10_000 });
  const made = fakeNodes(nodes.length).map((node, i) => Object.assign(node, nodes[i]));
  strategy.update(made);
  return { nodes: made, strategy };
}

describe('peak-ewma', () => {
  it('takes the node that will answer first: latency times what is ahead of the call', () => {
    const { nodes, strategy } = of({ expected: 10, inFlight: 3 }, { expected: 30, inFlight: 0 });
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
    nodes[1]!.inFlight = 1;
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
  });

  it('expects a node to get through as much more as its weight says', () => {
    const { nodes, strategy } = of(
      { expected: 10, inFlight: 5, weight: 3 },
      { expected: 10, inFlight: 2, weight: 1 },
    );
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
    nodes[0]!.inFlight = 7;
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
  });

  it('gives idle nodes of the same latency the share of their weight, the lightest too', () => {
    const { nodes, strategy } = of(
      { expected: 10, weight: 1 },
      { expected: 10, weight: 3 },
      { expected: 10, weight: 6 },
    );
    const counts = tally(100_000, () => strategy.pick(anyCall));
    // 4 σ of the largest share is 620.
    for (const { key, weight } of nodes)
      expect(Math.abs((counts.get(key) ?? 0) - weight * 10_000)).toBeLessThan(620);
  });

  it('does not give all calls to the one of several idle nodes that is ahead by a hair', () => {
    const { nodes, strategy } = of({ expected: 10 }, { expected: 11 }, { expected: 12 }, { expected: 16 });
    const counts = tally(30_000, () => strategy.pick(anyCall));
    for (const { key } of nodes.slice(0, 3)) expect(counts.get(key)).toBeGreaterThan(7_000);
    expect(counts.get(nodes[3]!.key) ?? 0).toBeLessThan(3_000);
    nodes[1]!.inFlight = 1;
    for (const key of tally(100, () => strategy.pick(anyCall)).keys()) expect(key).not.toBe(nodes[1]!.key);
  });

  it('hardly ever takes a slow node when one in ten is slow, as draws of two alone would in every hundredth pick', () => {
    const { nodes, strategy } = of(...Array.from({ length: 40 }, (_, i) => ({ expected: i < 4 ? 100 : 10 })));
    const counts = tally(100_000, () => strategy.pick(anyCall));
    const slow = nodes.slice(0, 4).reduce((sum, { key }) => sum + (counts.get(key) ?? 0), 0);
    expect(slow).toBeLessThan(20);
  });

  it('does not remember a node that has left', () => {
    const { nodes, strategy } = of({ expected: 1 }, { expected: 2 }, { expected: 50 }, { expected: 90 });
    tally(20, () => strategy.pick(anyCall));
    strategy.update(nodes.slice(2));
    for (const key of tally(100, () => strategy.pick(anyCall)).keys()) expect(key).toBe(nodes[2]!.key);
  });

  it('leaves a node that does not answer before its first call has failed', () => {
    const { nodes, strategy } = of(
      { expected: 5, inFlight: 1, waitingSince: 9_000 },
      { expected: 100, inFlight: 5 },
    );
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
  });

  it('gives a node of which it knows nothing a share, whatever the others take', () => {
    for (const expected of [0.1, 30, 2_000]) {
      const { nodes, strategy } = of({ expected, inFlight: 1 }, { expected: undefined, inFlight: 0 });
      expect(strategy.pick(anyCall)).toBe(nodes[1]);
      nodes[1]!.inFlight = 2;
      expect(strategy.pick(anyCall)).toBe(nodes[0]);
    }
  });

  it('takes nodes of which nothing is known evenly', () => {
    const { strategy } = of({}, {}, {}, {});
    for (const count of tally(40_000, () => strategy.pick(anyCall)).values()) {
      expect(Math.abs(count - 10_000)).toBeLessThan(346);
    }
  });
});
