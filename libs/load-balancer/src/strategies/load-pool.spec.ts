import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fakeNodes, type FakeNode } from '../testing/fake-nodes.js';
import { LoadPool } from './load-pool.js';

function poolOf(...reports: { inFlight: number; latency?: number; at?: number }[]) {
  const pool = new LoadPool<FakeNode>();
  const nodes = fakeNodes(reports.length);
  for (const [i, { inFlight, latency, at = 0 }] of reports.entries())
    pool.add(nodes[i]!, { inFlight, latency }, at);
  return { pool, nodes };
}

describe('a pool of load reports', () => {
  it('gives nobody from one fresh report, which has nothing to be compared with', () => {
    expect(poolOf().pool.take(0)).toBeUndefined();
    expect(poolOf({ inFlight: 0, latency: 1 }).pool.take(0)).toBeUndefined();
    const { pool } = poolOf({ inFlight: 0, latency: 1, at: 0 }, { inFlight: 0, latency: 1, at: 500 });
    expect(pool.candidates(1_001).size).toBe(0);
    expect(pool.take(1_001)).toBeUndefined();
  });

  it('gives the lower latency of two, though it has more in flight', () => {
    const { pool, nodes } = poolOf({ inFlight: 0, latency: 90 }, { inFlight: 2, latency: 10 });
    expect(pool.take(0)).toBe(nodes[1]);
  });

  it('leaves out the half with the most in flight, however low its latency', () => {
    const { pool, nodes } = poolOf(
      { inFlight: 9, latency: 1 },
      { inFlight: 8, latency: 1 },
      { inFlight: 1, latency: 50 },
      { inFlight: 0, latency: 60 },
    );
    expect([...pool.candidates(0).keys()]).toEqual([nodes[3], nodes[2]]);
    expect(pool.take(0)).toBe(nodes[2]);
  });

  it('counts calls that this client has sent since, and those that have been answered', () => {
    const { pool, nodes } = poolOf({ inFlight: 1, latency: 10 }, { inFlight: 1, latency: 100 });
    nodes[0]!.inFlight = 17;
    expect(pool.take(0)).toBe(nodes[0]);
    // 10 ms of one in flight are 100 of nineteen.
    nodes[0]!.inFlight = 19;
    expect(pool.take(0)).toBe(nodes[1]);
    nodes[0]!.inFlight = 2;
    expect(pool.take(0)).toBe(nodes[0]);
  });

  it('tells the calls of others from its own: what is answered here leaves those of others there', () => {
    const pool = new LoadPool<FakeNode>();
    const nodes = fakeNodes(4);
    nodes[0]!.inFlight = 4;
    for (const node of nodes) pool.add(node, { inFlight: 6, latency: 10 }, 0);
    nodes[0]!.inFlight = 0;
    expect([...pool.candidates(0).keys()]).toContain(nodes[0]);
    expect(pool.take(0)).toBe(nodes[0]);
    expect(pool.candidates(0).get(nodes[0]!)).toBeCloseTo((10 * 3) / 7, 9);
  });

  it('does not believe that a node is quick which takes long for each of this client’s calls', () => {
    const { pool, nodes } = poolOf({ inFlight: 0, latency: 20 }, { inFlight: 0, latency: 30 });
    Object.assign(nodes[0]!, { expected: 25, inFlight: 3 });
    Object.assign(nodes[1]!, { expected: 2, inFlight: 12 });
    const expected = pool.candidates(0);
    expect(expected.get(nodes[0]!)).toBe(100);
    expect(expected.get(nodes[1]!)).toBe(54);
    expect(pool.take(0)).toBe(nodes[1]);
  });

  it('goes by the last report of a node only', () => {
    const { pool, nodes } = poolOf({ inFlight: 0, latency: 1 }, { inFlight: 0, latency: 20 });
    pool.add(nodes[0]!, { inFlight: 0, latency: 90 }, 0);
    expect(pool.take(0)).toBe(nodes[1]);
    expect([...pool.candidates(0).keys()].filter((node) => node === nodes[0])).toHaveLength(1);
  });

  it('passes over what is too old, and what has been stalled since', () => {
    const { pool, nodes } = poolOf(
      { inFlight: 0, latency: 1, at: 0 },
      { inFlight: 0, latency: 10, at: 900 },
      { inFlight: 0, latency: 20, at: 900 },
    );
    nodes[1]!.waitingSince = 500;
    expect(pool.take(1_001)).toBe(nodes[2]);
  });

  it('forgets nodes that have left', () => {
    const { pool, nodes } = poolOf(
      { inFlight: 0, latency: 1 },
      { inFlight: 0, latency: 5 },
      { inFlight: 0, latency: 9 },
    );
    pool.keep(new Set(nodes.slice(1)));
    expect(pool.take(0)).toBe(nodes[1]);
    expect(pool.candidates(0).size).toBe(2);
  });

  it('makes room for what came in, once, and leaves two to choose from', () => {
    const { pool, nodes } = poolOf(
      { inFlight: 0, latency: 1, at: 0 },
      { inFlight: 0, latency: 90, at: 1 },
      { inFlight: 0, latency: 5, at: 2 },
      { inFlight: 0, latency: 6, at: 3 },
    );
    for (let i = 0; i < 10; i++) pool.makeRoom(3);
    // The worst first, then the oldest.
    expect(new Set(pool.candidates(3).keys())).toEqual(new Set([nodes[0], nodes[2], nodes[3]]));
    for (let i = 0; i < 10; i++) {
      pool.add(nodes[2]!, { inFlight: 0, latency: 5 }, 3);
      pool.makeRoom(3);
    }
    expect(new Set(pool.candidates(3).keys())).toEqual(new Set([nodes[2], nodes[3]]));
  });

  it('never gives a node that it was not told of, nor one twice among its candidates, whatever comes', () => {
    const step = fc.record({
      node: fc.nat(39),
      inFlight: fc.nat(20),
      latency: fc.nat(200),
      after: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const pool = new LoadPool<FakeNode>();
        const nodes = fakeNodes(40);
        const told = new Map<FakeNode, number>();
        let now = 0;
        for (const { node, inFlight, latency, after } of steps) {
          now += after;
          pool.add(nodes[node]!, { inFlight, latency }, now);
          told.set(nodes[node]!, now);
          if (after % 3 === 0) pool.makeRoom(now);
          expect(pool.candidates(now).size).toBeLessThanOrEqual(16);
          const taken = pool.take(now);
          if (taken) expect(now - told.get(taken)!).toBeLessThanOrEqual(1_000);
        }
      }),
      { seed: 1 },
    );
  });
});
