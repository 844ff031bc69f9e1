import { fakeNodes } from '../../testing/fake-nodes.js';
import type { FakeNode } from '../../testing/fake-nodes.js';
import type { NodeStatus } from '../snapshot.js';

export type Located = Omit<FakeNode, 'zone'> & {
  zone: string | undefined;
  priority: number;
  status: NodeStatus;
};

/** Nodes as in `a0 ready 3, -1 idle 2 of weight 0`: three in zone a with priority 0, two without a zone with priority 1. */
export function locatedNodes(text: string): Located[] {
  const spots = text.split(', ').flatMap((group) => {
    const [, zone, priority, status, count, weight = '1'] =
      /^(.)(\d) (\w+) (\d+)(?: of weight (\d+))?$/.exec(group) ?? [];
    const spot = {
      zone: zone === '-' ? undefined : zone,
      priority: Number(priority),
      weight: Number(weight),
    };
    return Array.from({ length: Number(count) }, () => ({ ...spot, status: status as NodeStatus }));
  });
  return fakeNodes(spots.length).map((node, i) => ({ ...node, ...spots[i]! }));
}
