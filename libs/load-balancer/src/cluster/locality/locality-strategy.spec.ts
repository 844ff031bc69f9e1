import { describe, expect, it } from '@jest/globals';
import { ConsistentHash } from '../../strategies/consistent-hash.js';
import { LeastRequest } from '../../strategies/least-request.js';
import { buildMaglev } from '../../strategies/maglev.js';
import { RoundRobin } from '../../strategies/round-robin.js';
import type { Strategy } from '../../strategies/strategy.js';
import { seededRandom } from '../../testing/seeded-random.js';
import type { Located } from './located-nodes.spec.fixture.js';
import { locatedNodes } from './located-nodes.spec.fixture.js';
import { LocalityStrategy } from './locality-strategy.js';
import { DEFAULT_LOCALITY, isHealthy } from './places.js';

const CALL = { pattern: 'test', tried: undefined };
const PICKS = 10_000;

function located(text: string, zone?: string, create?: () => Strategy<Located>) {
  const known = locatedNodes(text);
  const random = seededRandom(1);
  const made: Strategy<Located>[] = [];
  const strategy = new LocalityStrategy<Located>(
    () => {
      const each = create?.() ?? new RoundRobin<Located>({ random, now: () => 0 });
      made.push(each);
      return each;
    },
    { ...DEFAULT_LOCALITY, zone },
    { known: () => known, random, substitute: () => new RoundRobin<Located>({ random, now: () => 0 }) },
  );
  const update = (): void => strategy.update(known.filter((node) => isHealthy(node)));
  const become = (status: Located['status'], nodes: readonly Located[]): void => {
    for (const node of nodes) node.status = status;
    update();
  };
  const shares = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < PICKS; i++) {
      const { zone: at = '-', priority } = strategy.pick(CALL)!;
      counts[`${at}${priority}`] = (counts[`${at}${priority}`] ?? 0) + 1 / PICKS;
    }
    return counts;
  };
  update();
  return { strategy, known, made, update, become, shares };
}

const about = (share: number): unknown => expect.closeTo(share, 1);

describe('calls', () => {
  it('go to places by their shares', () => {
    const { known, become, shares } = located('a0 ready 5, b0 ready 5, c1 ready 10', 'a');
    expect(shares()).toEqual({ a0: about(1) });
    become('disconnected', known.slice(0, 3));
    expect(shares()).toEqual({ a0: about(0.56), b0: about(0.42), c1: about(0.02) });
    become('disconnected', known.slice(0, 10));
    expect(shares()).toEqual({ c1: about(1) });
    become('ready', known.slice(0, 10));
    expect(shares()).toEqual({ a0: about(1) });
  });

  it('of one hash key stay with one place, whatever the others do', () => {
    const maglev = () => new ConsistentHash<Located>({ random: seededRandom(1) }, buildMaglev);
    const { strategy } = located('a0 ready 2, b0 ready 6, c0 ready 6', 'a', maglev);
    const zones = new Set<string | undefined>();
    for (let key = 0; key < 100; key++) {
      const pick = () => strategy.pick({ ...CALL, hashKey: `key-${key}` })!;
      expect(new Set(Array.from({ length: 20 }, pick)).size).toBe(1);
      zones.add(pick().zone);
    }
    expect(zones).toEqual(new Set(['a', 'b', 'c']));
  });

  it('with a hash key go by shares like any others where the strategy does not go by keys', () => {
    const { strategy } = located('a0 ready 3, b0 ready 9', 'a');
    const zones = Array.from({ length: PICKS }, () => strategy.pick({ ...CALL, hashKey: 'tenant' })!.zone);
    expect(zones.filter((zone) => zone === 'a').length / PICKS).toBeCloseTo(0.5, 1);
  });

  it('with a hash key leave a place only as far as its share falls', () => {
    const maglev = () => new ConsistentHash<Located>({ random: seededRandom(1) }, buildMaglev);
    const { strategy, known, become } = located('a0 ready 10, b1 ready 10', undefined, maglev);
    const keys = Array.from({ length: 2_000 }, (_, key) => ({ ...CALL, hashKey: `key-${key}` }));
    become('disconnected', known.slice(0, 4));
    const before = keys.map((call) => strategy.pick(call)!.priority);
    become('disconnected', known.slice(4, 5));
    const after = keys.map((call) => strategy.pick(call)!.priority);
    // 84 % and then 70 %: nobody comes back, and as many go as must.
    expect(after.filter((priority, i) => priority < before[i]!)).toHaveLength(0);
    expect(after.filter((priority, i) => priority > before[i]!).length / keys.length).toBeCloseTo(0.14, 1);
  });

  it('find nothing where there is nothing, and no error either', () => {
    const { strategy, known, become } = located('a0 ready 1');
    become('disconnected', known);
    expect(strategy.pick(CALL)).toBeUndefined();
  });
});

describe('where one place gets all calls', () => {
  it.each([
    ['neither priorities nor zones', 'a3 ready 5', undefined],
    ['the first priority healthy', 'a0 ready 5, b1 ready 5', undefined],
    ['a zone that carries its calls', 'a0 ready 5, b0 ready 5', 'a'],
  ])('nothing stands before its strategy: %s', (_, text, zone) => {
    const asked: unknown[] = [];
    const { strategy, made } = located(text, zone, () => ({
      update: () => undefined,
      pick(this: unknown, call) {
        asked.push(this, call);
        return undefined;
      },
    }));
    strategy.pick(CALL);
    expect(asked).toEqual([made[0], CALL]);
    expect(made).toHaveLength(1);
    expect(strategy.pick.name).toBe('bound pick');
  });

  it('a strategy starts to share calls when nodes with priorities come, and stops when they go', () => {
    const { known, update, shares } = located('a0 ready 5, a0 disconnected 5');
    expect(shares()).toEqual({ a0: about(1) });
    known.push(...locatedNodes('b1 ready 5'));
    update();
    expect(shares()).toEqual({ a0: about(0.7), b1: about(0.3) });
    known.splice(10);
    update();
    expect(shares()).toEqual({ a0: about(1) });
  });
});

describe('the strategy of a place', () => {
  const leastRequest = () => new LeastRequest<Located>({ random: seededRandom(1), now: () => 0 });

  it('is made with its first calls, and lives for as long as discovery lists a node there', () => {
    const { known, made, update, become } = located('a0 ready 4, b1 ready 4', undefined, leastRequest);
    expect(made).toHaveLength(1);
    for (let i = 0; i < 5; i++) {
      become('disconnected', known.slice(0, 4));
      become('ready', known.slice(0, 4));
    }
    expect(made).toHaveLength(2);
    const lower = known.splice(4);
    update();
    known.push(...lower);
    become('disconnected', known.slice(0, 4));
    expect(made).toHaveLength(3);
  });

  it('is made at once for the first place, so that a fault of a factory shows when the service is made', () => {
    const fail = () => {
      throw new Error('no strategy');
    };
    const deps = { known: () => [], random: () => 0, substitute: fail };
    expect(() => new LocalityStrategy<Located>(fail, DEFAULT_LOCALITY, deps)).toThrow('no strategy');
  });

  it('is a substitute where it cannot be made: whoever makes the call need not hear of it', () => {
    let times = 0;
    const { known, become, shares } = located('a0 ready 4, b1 ready 4', undefined, () => {
      if (times++ > 0) throw new Error('only once');
      return leastRequest();
    });
    expect(shares()).toEqual({ a0: about(1) });
    become('disconnected', known.slice(0, 4));
    expect(shares()).toEqual({ b1: about(1) });
    become('ready', known.slice(0, 4));
    expect(shares()).toEqual({ a0: about(1) });
  });

  it('is told of loads of its own nodes, and refreshed', () => {
    const told: [number, string][] = [];
    let number = 0;
    let refreshed = 0;
    const { strategy, known } = located('a0 ready 2, b0 ready 6', 'a', () => {
      const own = number++;
      return {
        update: () => undefined,
        pick: () => undefined,
        observe: ({ key }) => void told.push([own, key]),
        refresh: () => {
          refreshed++;
        },
      };
    });
    strategy.observe!(known[0]!);
    strategy.observe!(known[4]!);
    strategy.refresh!();
    expect(told).toEqual([
      [0, known[0]!.key],
      [1, known[4]!.key],
    ]);
    expect(refreshed).toBe(2);
  });

  it('is spared what it does not listen to', () => {
    const { strategy } = located('a0 ready 2');
    expect(strategy.observe).toBeUndefined();
    expect(strategy.refresh).toBeUndefined();
  });
});

describe('the explanation', () => {
  it('is that of the strategy while one place gets all calls', () => {
    const { strategy, known } = located('a0 ready 2, b1 ready 2');
    const { basis, scores, choice } = strategy.explain(CALL);
    expect(basis).toBe('calls until its turn');
    expect([...scores.keys()]).toEqual(known.slice(0, 2));
    expect(choice?.priority).toBe(0);
  });

  it('tells who gets no calls, and why', () => {
    const whyNot = (text: string, zone?: string): Record<string, string> => {
      const { strategy } = located(text, zone);
      const { leftOut = new Map<Located, string>() } = strategy.explain(CALL);
      return Object.fromEntries(
        [...leftOut].map(([{ zone: at = '-', priority }, why]) => [`${at}${priority}`, why]),
      );
    };
    const notNeeded = 'priority 1 is not needed: those before it can carry all calls';
    expect(whyNot('a0 ready 2')).toEqual({});
    expect(whyNot('a0 ready 2, b1 ready 2')).toEqual({ b1: notNeeded });
    expect(whyNot('a0 ready 5, b0 ready 4, -0 ready 1, c1 ready 6', 'a')).toEqual({
      b0: 'no calls go from zone a to zone b',
      '-0': 'no calls go from zone a to nodes without a zone',
      c1: notNeeded,
    });
    // Half of the callers, and a quarter of the nodes: some calls go to the others, none to zone c.
    expect(whyNot('a0 ready 2, b0 ready 5, c0 ready 1', 'a')).toEqual({
      c0: 'no calls go from zone a to zone c',
    });
  });

  it('tells of each place its share, and the choice of the likeliest', () => {
    const { strategy } = located('a0 ready 2, -0 ready 6, c1 ready 3', 'a');
    const { basis, scores, choice } = strategy.explain(CALL);
    expect(basis).toBe(
      'priority 0, zone a (25 %): calls until its turn; priority 0, no zone (75 %): calls until its turn',
    );
    expect(scores.size).toBe(8);
    expect(choice?.zone).toBeUndefined();
  });

  it('of a call with a hash key chooses where the call would go', () => {
    const maglev = () => new ConsistentHash<Located>({ random: seededRandom(1) }, buildMaglev);
    const { strategy, known } = located('a0 ready 2, b0 ready 6', 'a', maglev);
    for (let key = 0; key < 20; key++) {
      const call = { ...CALL, hashKey: `key-${key}` };
      const { choice, leftOut } = strategy.explain(call);
      expect(choice).toBe(strategy.pick(call));
      const others = known.filter(({ zone }) => zone !== choice?.zone);
      expect([...leftOut!.keys()]).toEqual(others);
      expect(new Set(leftOut!.values())).toEqual(
        new Set([`calls of this hash key go to priority 0, zone ${choice?.zone}`]),
      );
    }
  });
});
