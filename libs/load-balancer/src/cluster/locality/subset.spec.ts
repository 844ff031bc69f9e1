import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Endpoint, ResolvedEndpoint } from '../endpoint.js';
import { resolveEndpoint } from '../endpoint.js';
import { chooseSubset } from './subset.js';

const endpoint = (index: number, labels: Partial<Endpoint> = {}): ResolvedEndpoint =>
  resolveEndpoint({ host: `10.0.${index >> 8}.${index & 255}`, port: 4_001, ...labels });
const endpoints = (count: number, labels?: (index: number) => Partial<Endpoint>): ResolvedEndpoint[] =>
  Array.from({ length: count }, (_, index) => endpoint(index, labels?.(index)));

/** How many of so many clients have each node. */
function clientsOf(
  nodes: readonly ResolvedEndpoint[],
  size: number,
  clients: number,
): Map<ResolvedEndpoint, number> {
  const counts = new Map(nodes.map((node) => [node, 0]));
  for (let client = 0; client < clients; client++)
    for (const node of chooseSubset(nodes, { size, clientId: `host-${client}:17` }))
      counts.set(node, counts.get(node)! + 1);
  return counts;
}

const countBy = (nodes: readonly ResolvedEndpoint[], of: (node: ResolvedEndpoint) => unknown): unknown =>
  Object.fromEntries(
    [...new Set(nodes.map(of))].map((key) => [key, nodes.filter((n) => of(n) === key).length]),
  );

describe('the subset of a client', () => {
  it('is as large as asked, in the order of the nodes, and the same however they are listed', () => {
    const nodes = endpoints(100, (i) => ({ zone: `z${i % 3}` }));
    const subset = chooseSubset(nodes, { size: 10, clientId: 'one' });
    expect(subset).toHaveLength(10);
    expect(nodes.filter((node) => subset.includes(node))).toEqual(subset);
    const reversed = chooseSubset([...nodes].reverse(), { size: 10, clientId: 'one' });
    expect(new Set(reversed)).toEqual(new Set(subset));
    expect(new Set(chooseSubset(nodes, { size: 10, clientId: 'other' }))).not.toEqual(new Set(subset));
  });

  it('is everything when that is no more', () => {
    const nodes = endpoints(10);
    expect(chooseSubset(nodes, { size: 10, clientId: 'one' })).toBe(nodes);
  });

  it('has the size for each priority, lest there was nobody left to fall back on, or to use', () => {
    const nodes = endpoints(100, (i) => ({ priority: i < 8 ? 0 : 1 }));
    const subset = chooseSubset(nodes, { size: 10, clientId: 'one' });
    expect(countBy(subset, ({ priority }) => priority)).toEqual({ 0: 8, 1: 10 });
  });

  it('has of each zone its part, to one node', () => {
    const nodes = endpoints(100, (i) => ({ zone: i < 50 ? 'a' : i < 80 ? 'b' : 'c' }));
    for (let client = 0; client < 50; client++) {
      const subset = chooseSubset(nodes, { size: 20, clientId: `client-${client}` });
      for (const [zone, due] of [
        ['a', 10],
        ['b', 6],
        ['c', 4],
      ] as const)
        expect(Math.abs(subset.filter((node) => node.zone === zone).length - due)).toBeLessThanOrEqual(1);
    }
  });

  it('leaves out nodes that take no calls while there are others', () => {
    const nodes = endpoints(12, (i) => (i < 4 ? { draining: true } : i < 8 ? { weight: 0 } : {}));
    const of = (size: number) => chooseSubset(nodes, { size, clientId: 'one' });
    expect(of(4)).toEqual(nodes.slice(8));
    expect(of(6).filter((node) => nodes.indexOf(node) >= 8)).toHaveLength(4);
  });
});

it('one node that comes, goes or starts to drain changes one entry of a subset at most', () => {
  const places = fc.array(
    fc.record({ zone: fc.constantFrom('a', 'b', 'c'), priority: fc.constantFrom(0, 0, 1) }),
    {
      minLength: 2,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(
      places,
      fc.integer({ min: 1, max: 20 }),
      fc.nat(),
      fc.string(),
      (labels, size, which, clientId) => {
        const nodes = endpoints(labels.length, (i) => labels[i]!);
        const index = which % nodes.length;
        const keys = (of: readonly ResolvedEndpoint[]): Set<string> =>
          new Set(chooseSubset(of, { size, clientId }).map(({ host }) => host));
        const all = keys(nodes);
        const others = keys(nodes.filter((_, i) => i !== index));
        const draining = keys(nodes.map((node, i) => (i === index ? { ...node, draining: true } : node)));
        const fresh = (now: Set<string>, before: Set<string>): number =>
          [...now].filter((key) => !before.has(key)).length;
        expect(fresh(others, all)).toBeLessThanOrEqual(1);
        expect(fresh(all, others)).toBeLessThanOrEqual(1);
        expect(fresh(draining, all)).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 500 },
  );
});

describe('many clients together', () => {
  // Each node is in a binomial number of them, with a mean of 20: of a thousand nodes, 4.5 standard deviations (4.4) above
  // and below it hold all but one run in a hundred, and the hash makes it the same run each time.
  it('load all nodes alike: 1 000 clients with 20 of 1 000 nodes each', () => {
    const counts = [...clientsOf(endpoints(1_000), 20, 1_000).values()];
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20_000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(40);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(4);
    const deviation = Math.sqrt(counts.reduce((sum, count) => sum + (count - 20) ** 2, 0) / 1_000);
    expect(deviation).toBeLessThan(1.1 * Math.sqrt(20 * 0.98));
  });

  it('load all nodes alike in zones of any size', () => {
    const zone = (i: number): string => (i < 2 ? 'tiny' : i < 30 ? 'small' : 'large');
    const nodes = endpoints(200, (i) => ({ zone: zone(i) }));
    // 100 each; 4.5 standard deviations of a binomial with n = 1 000 and p = 1/10 are 43.
    for (const count of clientsOf(nodes, 20, 1_000).values()) expect(Math.abs(count - 100)).toBeLessThan(43);
  });
});
