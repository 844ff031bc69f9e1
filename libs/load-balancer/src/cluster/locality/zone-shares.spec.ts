import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NO_ZONE, zoneShares } from './zone-shares.js';

const zones = (healthy: Record<string, number>) => new Map(Object.entries(healthy));

describe('the shares of zones', () => {
  it('are all for the own zone when it has its part of the nodes', () => {
    expect(zoneShares({ ownZone: 'a', healthy: zones({ a: 5, b: 5 }) })).toEqual(zones({ a: 1 }));
    expect(zoneShares({ ownZone: 'a', healthy: zones({ a: 8, b: 2 }) })).toEqual(zones({ a: 1 }));
  });

  it('spill what the own zone cannot carry to zones with nodes to spare, by how many', () => {
    const shares = zoneShares({ ownZone: 'a', healthy: zones({ a: 2, b: 6, c: 4 }) })!;
    // A third of the callers, a sixth of the nodes: half is kept, and only b has more nodes than callers.
    expect(Object.fromEntries(shares)).toEqual({ a: 0.5, b: expect.closeTo(0.5, 9) });
  });

  it('go by where the callers are, when that is known', () => {
    const callers = zones({ a: 3, b: 1 });
    const shares = zoneShares({ ownZone: 'a', healthy: zones({ a: 5, b: 5 }), callers })!;
    expect(Object.fromEntries(shares)).toEqual({ a: expect.closeTo(2 / 3, 9), b: expect.closeTo(1 / 3, 9) });
  });

  it('do not matter with one zone, or none of the nodes where the client is', () => {
    expect(zoneShares({ ownZone: 'a', healthy: zones({ a: 9 }) })).toBeUndefined();
    expect(zoneShares({ ownZone: 'c', healthy: zones({ a: 5, b: 5 }) })).toBeUndefined();
  });

  it('keep all calls in a zone that has no more than its part of the callers, or none', () => {
    const healthy = zones({ a: 1, b: 9 });
    expect(zoneShares({ ownZone: 'a', healthy, callers: zones({ b: 1 }) })).toEqual(zones({ a: 1 }));
    expect(zoneShares({ ownZone: 'a', healthy, callers: zones({ a: 1, c: 9 }) })).toEqual(zones({ a: 1 }));
  });

  it('leave nodes that tell no zone their part', () => {
    const shares = zoneShares({ ownZone: 'a', healthy: zones({ a: 3, b: 3, [NO_ZONE]: 6 }) })!;
    expect(Object.fromEntries(shares)).toEqual({ a: 0.5, [NO_ZONE]: 0.5 });
  });

  it('give every node the same number of calls when callers are spread evenly over the zones', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(counts, (counts) => {
        const healthy = new Map(counts.map((count, i) => [`z${i}`, count]));
        const received = new Map<string, number>();
        for (const ownZone of healthy.keys()) {
          const shares = zoneShares({ ownZone, healthy })!;
          for (const [zone, share] of shares) received.set(zone, (received.get(zone) ?? 0) + share);
        }
        const nodes = counts.reduce((sum, count) => sum + count, 0);
        for (const [zone, count] of healthy) {
          expect(received.get(zone)! / healthy.size).toBeCloseTo(count / nodes, 9);
        }
      }),
    );
  });
});
