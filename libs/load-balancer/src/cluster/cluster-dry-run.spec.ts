import { describe, expect, it } from '@jest/globals';
import { DryRun } from '../strategies/dry-run.js';
import { PickFirst } from '../strategies/pick-first.js';
import type { Strategy } from '../strategies/strategy.js';
import { seededRandom } from '../testing/seeded-random.js';
import { Cluster } from './cluster.js';
import { resolveEndpoint } from './endpoint.js';
import type { ClusterNode } from './node.js';

type Node = ClusterNode<undefined>;

const CALL = { pattern: 'p', tried: undefined };

/** Three nodes of which the first leads and the last would lead. */
function comparing() {
  const random = seededRandom(1);
  const lead = (): Strategy<Node> => new PickFirst<Node>({ random }, { shuffle: false });
  const last = lead();
  const dryRun = new DryRun<Node>(lead(), {
    update: (nodes) => last.update([...nodes].reverse()),
    pick: (call) => last.pick(call),
  });
  const clock = { now: () => 0, wall: () => 0 };
  const cluster = new Cluster<undefined>(
    { strategy: dryRun, panicThreshold: 50, probed: false, ejection: false, clock, random },
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
  const join = (): Node[] => {
    cluster.apply([1, 2, 3].map((port) => resolveEndpoint({ host: 'h', port })));
    return [...cluster.nodes.values()];
  };
  return { cluster, dryRun, join };
}

describe('a dry run in a cluster', () => {
  it('counts a call once, by the nodes that both would have come to in the end', () => {
    const { cluster, dryRun, join } = comparing();
    const [first, second, third] = join() as [Node, Node, Node];
    expect(cluster.pick(CALL, 1)).toBe(first);
    expect(dryRun.counts).toEqual({ same: 0, different: 1 });
    first.begin();
    third.begin();
    // Both leaders are full, so that there is one node for either.
    expect(cluster.pick(CALL, 1)).toBe(second);
    expect(dryRun.counts).toEqual({ same: 1, different: 1 });
    expect(cluster.pick({ ...CALL, tried: new Set([second]) }, 2)).toBe(first);
    expect(dryRun.counts).toEqual({ same: 1, different: 2 });
  });

  it('counts nothing where there is nothing to choose', () => {
    const { cluster, dryRun, join } = comparing();
    expect(cluster.pick(CALL)).toBeUndefined();
    const nodes = join();
    cluster.pick({ ...CALL, tried: new Set(nodes) });
    for (const node of nodes) node.begin();
    cluster.pick(CALL, 1);
    expect(dryRun.counts).toEqual({ same: 0, different: 0 });
  });
});
