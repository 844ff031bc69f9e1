import { describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../cluster/endpoint.js';
import { HeldInstances } from './held-instances.js';

const [A, B, C] = [1, 2, 3].map((port) => ({ host: '10.0.0.1', port })) as [Endpoint, Endpoint, Endpoint];

describe('HeldInstances', () => {
  it('lets each go in its time, however often Consul is away', () => {
    const instances = new HeldInstances(1_000);
    instances.show([A, B, C], 0);
    instances.failed();
    instances.show([B, C], 100);
    instances.failed();
    instances.show([C], 900);
    expect(instances.nodes(900)).toEqual([C, A, B]);
    expect(instances.left(900)).toBe(200);
    expect(instances.nodes(1_100)).toEqual([C, B]);
    expect(instances.nodes(1_900)).toEqual([C]);
    expect(instances.left(1_900)).toBeUndefined();
  });

  it('holds those that go a little later, too: an agent that is back takes them for critical when it is their turn', () => {
    const instances = new HeldInstances(1_000);
    instances.show([A, B], 0);
    instances.failed();
    instances.show([A, B], 100);
    instances.show([A], 500);
    expect(instances.nodes(500)).toEqual([A, B]);
  });
});
