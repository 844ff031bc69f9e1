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

  it('goes by weight where delays are equal', () => {
    const { nodes, strategy } = of({ expected: 10, inFlight: 1, weight: 3 }, { expected: 10, inFlight: 0 });
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
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
