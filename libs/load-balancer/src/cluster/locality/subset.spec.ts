import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fakeNodes } from '../../testing/fake-nodes.js';
import { chooseSubset } from './subset.js';

describe('the subset of a client', () => {
  it('is as large as asked, in the order of the nodes, and the same every time', () => {
    const nodes = fakeNodes(100);
    const subset = chooseSubset(nodes, 10, 'client-1');
    expect(subset).toHaveLength(10);
    expect(nodes.filter((node) => subset.includes(node))).toEqual(subset);
    expect(new Set(chooseSubset([...nodes].reverse(), 10, 'client-1'))).toEqual(new Set(subset));
    expect(chooseSubset(nodes, 100, 'client-1')).toBe(nodes);
  });

  it('changes by one entry at most when a node comes or goes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        fc.string(),
        (count, size, gone, client) => {
          const nodes = fakeNodes(count);
          const before = new Set(chooseSubset(nodes, size, client));
          const after = chooseSubset(
            nodes.filter((_, i) => i !== gone % count),
            size,
            client,
          );
          expect(after.filter((node) => !before.has(node)).length).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('is another one for each client, so that all nodes have about as many clients', () => {
    const nodes = fakeNodes(50);
    const clients = new Map(nodes.map(({ key }) => [key, 0]));
    for (let client = 0; client < 1_000; client++) {
      for (const { key } of chooseSubset(nodes, 10, `client-${client}`))
        clients.set(key, clients.get(key)! + 1);
    }
    // 200 each; 4.5 σ of a binomial with n = 1 000 and p = 1/5 is 57.
    for (const count of clients.values()) expect(Math.abs(count - 200)).toBeLessThan(57);
  });
});
