import { describe, expect, it } from '@jest/globals';
import { RoundRobin } from '../strategies/round-robin.js';
import type { PickContext } from '../strategies/strategy.js';
import { seededRandom } from '../testing/seeded-random.js';
import { Cluster } from './cluster.js';
import { resolveEjectionPolicy } from './ejection/ejection-policy.js';
import type { ResolvedEndpoint } from './endpoint.js';
import { resolveEndpoint } from './endpoint.js';
import { LocalityStrategy } from './locality/locality-strategy.js';
import { DEFAULT_LOCALITY } from './locality/places.js';
import type { ClusterNode } from './node.js';
import { snapshotService } from './service-snapshot.js';
import { SlowStart } from './slow-start.js';

type Node = ClusterNode<undefined>;
interface Options {
  zone?: string;
  panicThreshold?: number;
  slowStart?: boolean;
}

const CALL = { pattern: 'p', tried: undefined };

/** As many connected nodes at each `<zone><priority>` as it says, in virtual time. */
function cluster(
  places: Record<string, number>,
  { zone, panicThreshold = 50, slowStart = false }: Options = {},
) {
  const log: string[] = [];
  const random = seededRandom(1);
  let time = 1_000_000;
  const clock = { now: () => time, wall: () => time };
  const locality = { ...DEFAULT_LOCALITY, zone };
  const create = () => new RoundRobin<Node>({ random, now: clock.now });
  const located = new LocalityStrategy<Node>(create, locality, {
    known: () => subject.nodes.values(),
    random,
    substitute: create,
  });
  const subject: Cluster<undefined> = new Cluster<undefined>(
    {
      strategy: slowStart ? new SlowStart(located, { random, now: clock.now }) : located,
      panicThreshold,
      probed: false,
      ejection: resolveEjectionPolicy({ maxEjectionPercent: 100 }),
      clock,
      random,
    },
    {
      onAdded: () => undefined,
      onRemoved: () => undefined,
      onStatus: () => undefined,
      onPanic: (active, healthy, total) => log.push(`panic ${active} ${healthy}/${total}`),
      onEjected: () => undefined,
      onTrial: () => undefined,
      onReturned: () => undefined,
    },
  );
  const resolve = (places: Record<string, number>): void => {
    const endpoints = Object.entries(places).flatMap(([place, count]): ResolvedEndpoint[] =>
      Array.from({ length: count }, (_, i) =>
        resolveEndpoint({
          host: place,
          port: i + 1,
          zone: place.charAt(0),
          priority: Number(place.charAt(1)),
        }),
      ),
    );
    subject.apply(endpoints);
    for (const node of subject.nodes.values())
      if (node.status === 'idle') node.setConnection('connected', 'connected');
  };
  const at = (place: string, count = Infinity): Node[] =>
    [...subject.nodes.values()].filter(({ endpoint }) => endpoint.host === place).slice(0, count);
  /** Share of the calls by place. */
  const shares = (call: PickContext<Node> = CALL, limit = Infinity): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < 4_000; i++) {
      const { host } = subject.pick(call, limit)!.endpoint;
      counts[host] = (counts[host] ?? 0) + 1 / 4_000;
    }
    return counts;
  };
  const lose = (nodes: Node[]): void => nodes.forEach((node) => node.setConnection('disconnected', 'gone'));
  const regain = (nodes: Node[]): void => nodes.forEach((node) => node.setConnection('connected', 'back'));
  const eject = (nodes: Node[]): void => {
    for (const node of nodes)
      for (let i = 0; i < 5; i++) {
        node.begin();
        node.end('timed-out', 1);
      }
  };
  const snapshot = (minReady = 1) =>
    snapshotService(
      's',
      minReady,
      subject,
      {
        target: 't',
        state: 'ok',
        lastSuccess: undefined,
        age: undefined,
        error: undefined,
        warning: undefined,
        targets: [],
      },
      { locality },
    );
  resolve(places);
  log.length = 0;
  const advance = (ms: number): void => void (time += ms);
  return { subject, log, at, shares, lose, regain, eject, resolve, snapshot, advance };
}

const about = (share: number): unknown => expect.closeTo(share, 1);

describe('a priority', () => {
  it('takes over at once when the one above it is gone, and gives back as that returns, node by node', () => {
    const { at, shares, lose, regain } = cluster({ a0: 10, b1: 10 });
    expect(shares()).toEqual({ a0: about(1) });
    lose(at('a0'));
    expect(shares()).toEqual({ b1: about(1) });
    const returned: number[] = [];
    for (const node of at('a0')) {
      regain([node]);
      returned.push(Math.round((shares().a0 ?? 0) * 100) / 100);
    }
    // 14 % a node: none gets more than 1.4 times the tenth that it usually has.
    for (const [i, share] of returned.entries()) expect(share).toBeCloseTo(Math.min(1, 0.14 * (i + 1)), 1);
  });

  it('is not left for nodes that are ejected, draining or new while it can carry its calls', () => {
    const { at, shares, eject, resolve, subject } = cluster({ a0: 10, b1: 10 });
    eject(at('a0', 2));
    at('a0')[2]!.setGoingAway();
    expect(shares()).toEqual({ a0: about(1) });
    resolve({ a0: 10, b1: 10 });
    subject.apply([
      ...[...subject.nodes.values()].map(({ endpoint }) => endpoint),
      ...Array.from({ length: 20 }, (_, i) => resolveEndpoint({ host: 'a0', port: 100 + i, zone: 'a' })),
    ]);
    for (const node of at('a0').slice(10)) node.setConnection('connecting', 'first time');
    expect(shares()).toEqual({ a0: about(1) });
  });

  it('is left by no call that is tried again, or finds nodes full, while it has a node for it', () => {
    const { at, shares, subject } = cluster({ a0: 12, b1: 20 });
    const last = at('a0').at(-1)!;
    const others = at('a0', 11);
    const tried = new Set(others);
    for (let i = 0; i < 200; i++) expect(subject.pick({ ...CALL, tried })).toBe(last);
    for (const node of others) for (let i = 0; i < 5; i++) node.begin();
    expect(shares(CALL, 5)).toEqual({ a0: about(1) });
    for (let i = 0; i < 5; i++) last.begin();
    expect(shares(CALL, 5)).toEqual({ b1: about(1) });
  });

  it('that is being connected for the first time is waited for, unless a node of a lower one is ready', () => {
    const { subject, at, resolve } = cluster({ a0: 0 });
    resolve({ a0: 2, b1: 3 });
    for (const node of at('a0')) node.setConnection('connecting', 'first time');
    for (const node of at('b1')) node.setConnection('idle', 'not needed yet');
    expect(subject.pick(CALL)).toBeUndefined();
    expect(subject.connecting).toBe(true);
    const [ready] = at('b1') as [Node];
    ready.setConnection('connected', 'connected');
    for (let i = 0; i < 20; i++) expect(subject.pick(CALL)).toBe(ready);
    at('a0')[0]!.setConnection('disconnected', 'refused');
    expect(new Set(Array.from({ length: 100 }, () => subject.pick(CALL)))).toEqual(new Set(at('b1')));
  });

  it('that a node is moved to counts from then on', () => {
    const { subject, shares } = cluster({ a0: 5, b1: 5 });
    subject.apply([...subject.nodes.values()].map(({ endpoint }) => ({ ...endpoint, priority: 0 })));
    expect(shares()).toEqual({ a0: about(0.5), b1: about(0.5) });
  });
});

describe('the own zone', () => {
  it('keeps its calls until it has less than its part of the nodes, and gets them back', () => {
    const { at, shares, lose, regain } = cluster({ a0: 5, b0: 5, c0: 5 }, { zone: 'a' });
    expect(shares()).toEqual({ a0: about(1) });
    lose(at('a0', 4));
    // One node of eleven, for a third of the callers.
    expect(shares()).toEqual({ a0: about(3 / 11), b0: about(4 / 11), c0: about(4 / 11) });
    lose(at('a0'));
    expect(shares()).toEqual({ b0: about(0.5), c0: about(0.5) });
    regain(at('a0'));
    expect(shares()).toEqual({ a0: about(1) });
  });
});

describe('panic', () => {
  it('is not needed while a lower priority can carry the calls', () => {
    const { at, shares, eject, log } = cluster({ a0: 4, b1: 4 });
    eject(at('a0', 3));
    expect(shares()).toEqual({ a0: about(0.35), b1: about(0.65) });
    eject(at('a0').slice(3));
    expect(shares()).toEqual({ b1: about(1) });
    expect(log).toEqual([]);
  });

  it('is of each priority by itself, once all of them together cannot carry the calls', () => {
    const { at, subject, eject, log } = cluster({ a0: 20, b1: 20 });
    eject([...at('a0', 19), ...at('b1', 7)]);
    expect(subject.candidates).toHaveLength(20 + 13);
    expect(log).toEqual(['panic true 14/40']);
  });

  it('of all priorities shares the calls by their nodes', () => {
    const { at, shares, eject } = cluster({ a0: 2, b1: 6 });
    eject([...at('a0'), ...at('b1', 5)]);
    expect(shares()).toEqual({ a0: about(0.25), b1: about(0.75) });
  });

  it('never happens with threshold 0', () => {
    const { at, shares, eject, log } = cluster({ a0: 2, b1: 6 }, { panicThreshold: 0 });
    eject([...at('a0'), ...at('b1', 5)]);
    expect(shares()).toEqual({ b1: about(1) });
    expect(log).toEqual([]);
  });
});

describe('the slow start', () => {
  it('of a priority that comes back leaves the rest of its calls to the next one', () => {
    const { at, shares, lose, regain, advance } = cluster({ a0: 5, b1: 5 }, { slowStart: true });
    lose(at('a0'));
    expect(shares()).toEqual({ b1: about(1) });
    regain(at('a0'));
    expect(shares()).toEqual({ a0: about(0.1), b1: about(0.9) });
    advance(15_000);
    expect(shares()).toEqual({ a0: about(0.5), b1: about(0.5) });
    advance(15_000);
    expect(shares()).toEqual({ a0: about(1) });
  });

  it('of some nodes leaves the rest of their calls to their own priority', () => {
    const { at, shares, lose, regain } = cluster({ a0: 5, b1: 20 }, { slowStart: true });
    lose(at('a0', 4));
    shares();
    regain(at('a0', 4));
    expect(shares()).toEqual({ a0: about(1) });
  });
});

describe('the snapshot', () => {
  it('tells where calls go', () => {
    const { at, lose, snapshot } = cluster({ a0: 5, b0: 5, a1: 3 }, { zone: 'a' });
    lose(at('a0', 4));
    expect(snapshot().places).toEqual([
      { priority: 0, zone: 'a', share: expect.closeTo(0.28, 9), nodes: 1 },
      { priority: 0, zone: 'b', share: expect.closeTo(0.56, 9), nodes: 5 },
      { priority: 1, zone: undefined, share: expect.closeTo(0.16, 9), nodes: 3 },
    ]);
  });

  it('of a service that panics over ejected nodes is degraded: their connections and probes are in order', () => {
    const { at, eject, snapshot } = cluster({ a0: 1 });
    eject(at('a0'));
    expect(snapshot()).toMatchObject({ status: 'degraded', ready: 0, panic: true });
    expect(snapshot(2)).toMatchObject({ status: 'down' });
  });

  it('of a service whose probes all fail is down, though panic still tries it', () => {
    const { at, snapshot } = cluster({ a0: 1 });
    at('a0')[0]!.setProbe('unhealthy', 'no answer');
    expect(snapshot()).toMatchObject({ status: 'down', ready: 0, panic: true });
  });

  it('of a service whose ejected node is not used is down', () => {
    const { at, eject, snapshot } = cluster({ a0: 1 }, { panicThreshold: 0 });
    eject(at('a0'));
    expect(snapshot()).toMatchObject({ status: 'down', ready: 0, panic: false });
  });
});
