import { describe, expect, it } from '@jest/globals';
import { LeastRequest } from '../../strategies/least-request.js';
import { RoundRobin } from '../../strategies/round-robin.js';
import type { Strategy } from '../../strategies/strategy.js';
import { fakeNodes } from '../../testing/fake-nodes.js';
import type { FakeNode } from '../../testing/fake-nodes.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { LocalityStrategy } from './locality-strategy.js';

type Located = FakeNode & { priority: number };

/** Nodes at `<zone><priority>`, as many as it says. */
function at(places: Record<string, number>): Located[] {
  const spots = Object.entries(places).flatMap(([place, count]) => Array<string>(count).fill(place));
  return fakeNodes(spots.length).map((node, i) => ({
    ...node,
    zone: spots[i]!.slice(0, -1) || undefined,
    priority: Number(spots[i]!.at(-1)),
  }));
}

function located(nodes: readonly Located[], ownZone?: string, create?: () => Strategy<Located>) {
  const random = seededRandom(1);
  const known = [...nodes];
  const made = create ?? (() => new RoundRobin<Located>({ random, now: () => 0 }));
  const strategy = new LocalityStrategy<Located>(made, () => known, { ownZone, random });
  strategy.update(nodes);
  const shares = (by: (node: Located) => string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < 10_000; i++) {
      const place = by(strategy.pick({ pattern: 'test', tried: undefined })!);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    return Object.fromEntries(Object.entries(counts).map(([place, count]) => [place, count / 10_000]));
  };
  return { strategy, known, shares };
}

const byPriority = ({ priority }: Located): string => String(priority);
const byZone = ({ zone = '' }: Located): string => zone;

describe('priorities', () => {
  it('keep all calls on the first one while it can carry them', () => {
    const nodes = at({ a0: 10, a1: 10 });
    const { strategy, shares } = located(nodes);
    expect(shares(byPriority)).toEqual({ 0: 1 });
    strategy.update(nodes.slice(2));
    expect(shares(byPriority)).toEqual({ 0: 1 });
  });

  it('spill to the next one by what the first one cannot carry, and go over to it when the first is gone', () => {
    const nodes = at({ a0: 10, a1: 10 });
    const { strategy, shares } = located(nodes);
    strategy.update(nodes.slice(5));
    expect(shares(byPriority)).toEqual({ 0: expect.closeTo(0.7, 1), 1: expect.closeTo(0.3, 1) });
    strategy.update(nodes.slice(10));
    expect(shares(byPriority)).toEqual({ 1: 1 });
  });
});

describe('zones', () => {
  it('keep calls where they come from, and spill what cannot be carried there', () => {
    const nodes = at({ a0: 5, b0: 5 });
    const { strategy, shares } = located(nodes, 'a');
    expect(shares(byZone)).toEqual({ a: 1 });
    strategy.update(nodes.slice(3));
    expect(shares(byZone)).toEqual({ a: expect.closeTo(4 / 7, 1), b: expect.closeTo(3 / 7, 1) });
  });

  it('do not matter to a client that stands nowhere', () => {
    expect(located(at({ a0: 5, b0: 5 })).shares(byZone)).toEqual({
      a: expect.closeTo(0.5, 1),
      b: expect.closeTo(0.5, 1),
    });
  });

  it('are told apart within each priority', () => {
    const nodes = at({ a0: 6, a1: 3, b1: 3 });
    const { strategy, shares } = located(nodes, 'b');
    expect(shares((node) => byZone(node) + byPriority(node))).toEqual({ a0: 1 });
    strategy.update(nodes.slice(6));
    expect(shares((node) => byZone(node) + byPriority(node))).toEqual({ b1: 1 });
  });
});

describe('the strategies of the groups', () => {
  it('live for as long as discovery knows a node of theirs', () => {
    const nodes = at({ a0: 4, a1: 4 });
    let made = 0;
    const { strategy, known } = located(nodes, undefined, () => {
      made++;
      return new LeastRequest<Located>({ random: seededRandom(1), now: () => 0 });
    });
    for (let i = 0; i < 5; i++) {
      strategy.update(nodes.slice(4));
      strategy.update(nodes);
    }
    expect(made).toBe(2);
    known.splice(4);
    strategy.update(nodes.slice(0, 4));
    known.push(...nodes.slice(4));
    strategy.update(nodes);
    expect(made).toBe(3);
  });

  it('are told of loads and asked to refresh', () => {
    const nodes = at({ a0: 3, b0: 3 });
    const told: string[] = [];
    let refreshed = 0;
    const { strategy } = located(nodes, 'a', () => ({
      update: () => undefined,
      pick: () => undefined,
      observe: ({ key }) => {
        told.push(key);
      },
      refresh: () => {
        refreshed++;
      },
    }));
    strategy.observe(nodes[4]!);
    strategy.refresh();
    expect(told).toEqual([nodes[4]!.key]);
    expect(refreshed).toBe(2);
  });

  it('stay the same for calls of one hash key', () => {
    const nodes = at({ a0: 2, b0: 6 });
    const { strategy } = located(nodes, 'a');
    for (const hashKey of ['x', 'y', 'z', 'w']) {
      const zones = Array.from(
        { length: 50 },
        () => strategy.pick({ pattern: 'test', tried: undefined, hashKey })!.zone,
      );
      expect(new Set(zones).size).toBe(1);
    }
  });

  it('explain themselves together', () => {
    const nodes = at({ a0: 2, b0: 6 });
    const { strategy } = located(nodes, 'a');
    const { basis, scores, choice } = strategy.explain({ pattern: 'test', tried: undefined });
    expect(basis).toBe('0/a: 50 %, calls until its turn; 0/b: 50 %, calls until its turn');
    expect(scores.size).toBe(8);
    expect(choice?.zone).toBe('a');
  });
});

it('nothing to pick from is no error', () => {
  const { strategy } = located([]);
  expect(strategy.pick({ pattern: 'test', tried: undefined })).toBeUndefined();
});
