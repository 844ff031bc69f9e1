import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NodeStatus } from '../snapshot.js';
import type { LocalitySettings, LocatedNode } from './places.js';
import { DEFAULT_LOCALITY, dividePlaces, isHealthy } from './places.js';
import { locatedNodes } from './located-nodes.spec.fixture.js';

const settings = (own: Partial<LocalitySettings> = {}): LocalitySettings => ({ ...DEFAULT_LOCALITY, ...own });

/** `<share of 100> <priority>/<zone>:<nodes>` of each place; the eligible nodes are the healthy ones unless given. */
function shares(
  known: readonly LocatedNode[],
  own?: Partial<LocalitySettings>,
  eligible: readonly LocatedNode[] = known.filter(
    ({ weight, status }) => weight > 0 && isHealthy({ status }),
  ),
): string[] {
  return dividePlaces(known, eligible, settings(own)).map(
    ({ priority, zone = '*', share, nodes }) =>
      `${Math.round(share * 100)} ${priority}/${zone}:${nodes.length}`,
  );
}

describe('the health of a priority', () => {
  it('is that of the nodes that discovery lists', () => {
    expect(shares(locatedNodes('a0 ready 5, a0 disconnected 5, b1 ready 5'))).toEqual([
      '70 0/*:5',
      '30 1/*:5',
    ]);
    expect(shares(locatedNodes('a0 ready 5, a0 unhealthy 3, a0 ejected 2, b1 ready 5'))).toEqual([
      '70 0/*:5',
      '30 1/*:5',
    ]);
  });

  it('counts nodes that wait for their first call as healthy', () => {
    expect(shares(locatedNodes('a0 idle 8, a0 disconnected 2, b1 ready 5'))).toEqual([
      '100 0/*:8',
      '0 1/*:5',
    ]);
  });

  it('is no worse for nodes that are going away, get no calls, or are being connected for the first time', () => {
    const nodes = locatedNodes(
      'a0 ready 2, a0 draining 8, a0 connecting 8, a0 ready 8 of weight 0, b1 ready 5',
    );
    expect(shares(nodes)).toEqual(['100 0/*:2', '0 1/*:5']);
  });

  it('is how much of it can carry its calls as often as overProvisioning says', () => {
    const nodes = locatedNodes('a0 ready 5, a0 disconnected 5, b1 ready 5');
    expect(shares(nodes, { overProvisioning: 1 })).toEqual(['50 0/*:5', '50 1/*:5']);
    expect(shares(nodes, { overProvisioning: 2 })).toEqual(['100 0/*:5', '0 1/*:5']);
  });
});

describe('a priority without any node to pick from', () => {
  it('leaves its calls to the next one', () => {
    expect(shares(locatedNodes('a0 disconnected 10, b1 ready 2, b1 disconnected 8'))).toEqual(['100 1/*:2']);
  });

  it('is no obstacle to waiting: with no node at all there is no place', () => {
    expect(shares(locatedNodes('a0 connecting 3'))).toEqual([]);
  });
});

describe('in panic', () => {
  it('priorities that all ignore health share the calls by their nodes', () => {
    const nodes = locatedNodes('a0 unhealthy 2, b1 unhealthy 5, b1 ready 1');
    expect(shares(nodes, {}, nodes)).toEqual(['25 0/*:2', '75 1/*:6']);
  });

  it('a priority that ignores health gets what its healthy part can carry', () => {
    // Envoy's example: 5 % and 65 % are 7 % and 91 % of what is needed.
    const nodes = locatedNodes('a0 ready 5, a0 unhealthy 95, b1 ready 65, b1 unhealthy 35');
    const eligible = nodes.filter(({ priority, status }) => priority === 0 || status === 'ready');
    expect(shares(nodes, {}, eligible)).toEqual(['7 0/*:100', '93 1/*:65']);
  });

  it('zones do not matter', () => {
    const nodes = locatedNodes('a0 unhealthy 4, b0 ready 3');
    expect(shares(nodes, { zone: 'a' }, nodes)).toEqual(['100 0/*:7']);
  });
});

describe('zones', () => {
  it('keep the calls that come from them, and spill what they cannot carry', () => {
    expect(shares(locatedNodes('b0 ready 5, a0 ready 5'), { zone: 'a' })).toEqual(['100 0/a:5', '0 0/b:5']);
    // Two of the seven that are left, for half of the callers.
    expect(shares(locatedNodes('a0 ready 2, a0 disconnected 3, b0 ready 5'), { zone: 'a' })).toEqual([
      '57 0/a:2',
      '43 0/b:5',
    ]);
  });

  it('do not matter with fewer nodes than minNodes, however many of them are healthy', () => {
    expect(shares(locatedNodes('a0 ready 3, b0 ready 2'), { zone: 'a' })).toEqual(['100 0/*:5']);
    expect(shares(locatedNodes('a0 ready 3, b0 ready 2, b0 ejected 1'), { zone: 'a' })).toEqual([
      '100 0/a:3',
      '0 0/b:2',
    ]);
    expect(shares(locatedNodes('a0 ready 1, b0 ready 1'), { zone: 'a', minNodes: 2 })).toEqual([
      '100 0/a:1',
      '0 0/b:1',
    ]);
  });

  it('do not matter to a client that stands nowhere, or where there is no node', () => {
    expect(shares(locatedNodes('a0 ready 5, b0 ready 5'))).toEqual(['100 0/*:10']);
    expect(shares(locatedNodes('a0 ready 5, b0 ready 5'), { zone: 'c' })).toEqual(['100 0/*:10']);
    expect(shares(locatedNodes('a0 disconnected 5, b0 ready 5'), { zone: 'a' })).toEqual(['100 0/*:5']);
  });

  it('are told apart within each priority', () => {
    const nodes = locatedNodes('a0 ready 3, a0 disconnected 3, a1 ready 3, b1 ready 3');
    expect(shares(nodes, { zone: 'b' })).toEqual(['70 0/*:3', '30 1/b:3', '0 1/a:3']);
  });

  it('are in an order that does not hang on that of the nodes', () => {
    const nodes = locatedNodes('c0 ready 4, a0 ready 1, b0 ready 4');
    expect(shares(nodes, { zone: 'a' })).toEqual(shares([...nodes].reverse(), { zone: 'a' }));
  });
});

describe('whatever the nodes are like', () => {
  const STATUSES: NodeStatus[] = [
    'ready',
    'idle',
    'connecting',
    'disconnected',
    'unhealthy',
    'ejected',
    'draining',
  ];
  const groups = fc.array(
    fc.record({
      place: fc.constantFrom('a0', 'b0', 'c0', '-0', 'a1', 'b1', 'c2'),
      status: fc.constantFrom(...STATUSES),
      count: fc.integer({ min: 1, max: 8 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  const text = (all: readonly { place: string; status: string; count: number }[]): string =>
    all.map(({ place, status, count }) => `${place} ${status} ${count}`).join(', ');

  it('the shares of places with nodes add up to 1, and no node is in two of them', () => {
    fc.assert(
      fc.property(groups, fc.boolean(), fc.constantFrom('a', 'b', undefined), (all, panic, zone) => {
        const known = locatedNodes(text(all));
        const eligible = known.filter(
          ({ status }) => isHealthy({ status }) || (panic && status === 'ejected'),
        );
        const places = dividePlaces(known, eligible, settings({ zone }));
        for (const { share } of places) expect(share).toBeGreaterThanOrEqual(0);
        const sum = places.reduce((total, { share }) => total + share, 0);
        expect(sum).toBeCloseTo(eligible.length > 0 ? 1 : 0, 9);
        const placed = places.flatMap(({ nodes }) => nodes);
        expect(placed).toHaveLength(eligible.length);
        expect(new Set(placed)).toEqual(new Set(eligible));
      }),
    );
  });

  it('a priority gets no fewer calls when one of its nodes recovers, and those above it no fewer than they had', () => {
    fc.assert(
      fc.property(groups, fc.nat(), (all, which) => {
        const known = locatedNodes(text(all));
        const ill = known.filter(({ status }) => status === 'disconnected');
        fc.pre(ill.length > 0 && known.some(({ status }) => isHealthy({ status })));
        const recovering = ill[which % ill.length]!;
        const upTo = (priority: number): number =>
          dividePlaces(
            known,
            known.filter(({ status }) => isHealthy({ status })),
            settings(),
          )
            .filter((place) => place.priority <= priority)
            .reduce((sum, { share }) => sum + share, 0);
        const before = upTo(recovering.priority);
        recovering.status = 'ready';
        expect(upTo(recovering.priority)).toBeGreaterThanOrEqual(before - 1e-9);
      }),
    );
  });
});
