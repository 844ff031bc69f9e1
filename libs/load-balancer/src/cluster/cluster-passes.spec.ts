import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeastRequest } from '../strategies/least-request.js';
import { seededRandom } from '../testing/seeded-random.js';
import { Cluster } from './cluster.js';
import { resolveEndpoint } from './endpoint.js';
import type { ClusterNode } from './node.js';

type Node = ClusterNode<undefined>;

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => resolveEndpoint({ host: `10.0.${i >> 8}.${i & 255}`, port: 1 }));

/** Counts how often the strategy is given all nodes anew: each of these passes is O(n). */
function cluster(count: number) {
  const random = seededRandom(1);
  let time = 0;
  let passes = 0;
  const clock = { now: () => time, wall: () => time };
  const strategy = new (class extends LeastRequest<Node> {
    override update(nodes: readonly Node[]): void {
      passes++;
      super.update(nodes);
    }
  })({ random, now: clock.now });
  const subject = new Cluster<undefined>(
    { strategy, panicThreshold: 50, probed: false, ejection: false, clock, random },
    {
      onAdded: () => undefined,
      onRemoved: () => undefined,
      onStatus: () => undefined,
      onPanic: () => undefined,
      onEjected: () => undefined,
      onTrial: () => undefined,
      onReturned: () => undefined,
    },
  );
  subject.apply(many(count));
  const pick = (): Node | undefined => subject.pick({ pattern: 'p', tried: undefined, now: time });
  pick();
  passes = 0;
  return { subject, pick, passes: () => passes, advance: (ms: number) => void (time += ms) };
}

it('10 000 nodes that connect one after the other under load cost a hundredth of as many passes over all of them', () => {
  const { pick, passes, advance } = cluster(10_000);
  const opening: Node[] = [];
  let opened = 0;
  for (let calls = 0; opened < 9_000 && calls < 100_000; calls++) {
    advance(0.1);
    const node = pick()!;
    if (node.status === 'idle') {
      node.setConnection('connecting', 'first used');
      opening.push(node);
    }
    if (opening.length > 4) {
      opening.shift()!.setConnection('connected', 'connected');
      opened++;
    }
  }
  expect(opened).toBe(9_000);
  expect(passes()).toBeLessThan(90);
});

it('a node that has gone gets no call at once, one that comes within 10 µs for each node', () => {
  const { subject, pick, passes, advance } = cluster(1_000);
  const [first, ...others] = [...subject.nodes.values()] as [Node, ...Node[]];
  for (const node of others) node.begin();
  first.setConnection('disconnected', 'read ECONNRESET');
  // It owes nothing, so each draw that has it in would take it.
  for (let i = 0; i < 3_000; i++) expect(pick()).not.toBe(first);
  expect(passes()).toBe(1);

  first.setConnection('connected', 'connected');
  const got = (): boolean => Array.from({ length: 3_000 }, pick).includes(first);
  advance(9.9);
  expect(got()).toBe(false);
  advance(0.2);
  expect(got()).toBe(true);
  expect(passes()).toBe(2);
});

it('whatever happens, a pick gives a node that takes calls while there is one, and a member', () => {
  const change = fc.record({
    node: fc.nat({ max: 99 }),
    to: fc.constantFrom('connecting', 'connected', 'disconnected', 'leaves', 'joins'),
    pause: fc.nat({ max: 2 }),
    picks: fc.nat({ max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 150 }), (changes) => {
      const { subject, pick, advance } = cluster(100);
      const all = many(100);
      let members = new Set(all);
      for (const { node, to, pause, picks } of changes) {
        const endpoint = all[node]!;
        advance(pause);
        if (to === 'leaves' || to === 'joins') {
          members = new Set(members);
          members[to === 'joins' ? 'add' : 'delete'](endpoint);
          subject.apply([...members]);
        } else subject.nodes.get(`${endpoint.host}:1`)?.setConnection(to, to);
        for (let i = 0; i < picks; i++) {
          const picked = pick();
          const takers = [...subject.nodes.values()].filter(
            ({ status }) => status === 'ready' || status === 'idle',
          );
          if (takers.length > 0) expect(takers).toContain(picked);
          else expect(picked).toBeUndefined();
        }
      }
    }),
    { numRuns: 50 },
  );
});
