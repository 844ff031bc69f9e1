import { describe, expect, it } from '@jest/globals';
import { anyCall, fakeNodes, tally } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { QueueingModel } from '../testing/queueing-model.js';
import { seededRandom } from '../testing/seeded-random.js';
import { LeastLoaded } from './least-loaded.js';

function setUp(count: number) {
  const nodes = fakeNodes(count);
  const asked: string[] = [];
  const clock = { now: 0 };
  const strategy = new LeastLoaded<FakeNode>({
    random: seededRandom(1),
    now: () => clock.now,
    requestLoad: ({ key }) => asked.push(key),
  });
  strategy.update(nodes);
  const tell = (index: number, inFlight: number, latency?: number): void => {
    const node = nodes[index]!;
    node.load = { inFlight, latency };
    node.loadAt = clock.now;
    strategy.observe(node);
  };
  return { nodes, asked, clock, strategy, tell };
}

describe('least-loaded', () => {
  it('takes the lowest latency among nodes that are not busy', () => {
    const { nodes, strategy, tell } = setUp(4);
    tell(0, 1, 50);
    tell(1, 0, 20);
    tell(2, 9, 1);
    tell(3, 8, 1);
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
  });

  it('counts its own calls in, so that one good report does not draw them all', () => {
    const { nodes, strategy, tell } = setUp(4);
    for (let i = 0; i < 4; i++) tell(i, 2, 10);
    const picked = Array.from({ length: 4 }, () => {
      const node = strategy.pick(anyCall)!;
      node.inFlight++;
      return node;
    });
    expect(new Set(picked).size).toBeGreaterThanOrEqual(3);
    expect(nodes).toEqual(expect.arrayContaining(picked));
  });

  it('does not go by reports older than a second, but by its own calls in flight', () => {
    const { nodes, clock, strategy, tell } = setUp(2);
    tell(0, 0, 1);
    tell(1, 20, 500);
    nodes[0]!.inFlight = 3;
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
    clock.now = 1_001;
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
  });

  it('sees through a report from before a stall', () => {
    const { nodes, clock, strategy, tell } = setUp(2);
    tell(0, 0, 5);
    tell(1, 0, 40);
    clock.now = 300;
    Object.assign(nodes[0]!, { inFlight: 1, waitingSince: 1 });
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
  });

  it('asks any node for its load with every other call', () => {
    const { asked, strategy } = setUp(10);
    for (let i = 0; i < 2_000; i++) strategy.pick(anyCall);
    expect(asked).toHaveLength(1_000);
    expect(new Set(asked).size).toBe(10);
  });

  it('gives nodes that report nothing the share of their number, and the least busy of them first', () => {
    const { nodes, strategy, tell } = setUp(4);
    for (let round = 0; round < 5_000; round++) {
      tell(0, 0, 1);
      tell(1, 0, 1);
      const node = strategy.pick(anyCall)!;
      node.inFlight++;
    }
    const silent = nodes[2]!.inFlight + nodes[3]!.inFlight;
    expect(Math.abs(silent - 2_500)).toBeLessThan(150);
    expect(Math.abs(nodes[2]!.inFlight - nodes[3]!.inFlight)).toBeLessThan(20);
  });

  it('takes the less busy of two where nobody reports', () => {
    const { nodes, strategy } = setUp(2);
    nodes[0]!.inFlight = 1;
    expect(tally(100, () => strategy.pick(anyCall))).toEqual(new Map([[nodes[1]!.key, 100]]));
  });

  it('forgets the reports of nodes that have left', () => {
    const { nodes, strategy, tell } = setUp(3);
    for (let i = 0; i < 3; i++) tell(i, 0, i === 0 ? 1 : 50);
    strategy.update(nodes.slice(1));
    strategy.observe(nodes[0]!);
    for (let i = 0; i < 100; i++) expect(strategy.pick(anyCall)).not.toBe(nodes[0]);
  });

  it('takes a server that has answered nothing yet for a usual one, not for an infinitely fast one', () => {
    const { nodes, strategy, tell } = setUp(2);
    for (let i = 0; i < 100; i++) tell(0, 0, 10);
    tell(1, 0);
    for (let i = 0; i < 20; i++) strategy.pick(anyCall)!.inFlight++;
    for (const { inFlight } of nodes) expect(inFlight).toBeGreaterThan(5);
  });
});

describe('least-loaded, when calls come in bursts', () => {
  /** What share of twenty calls at once three servers give to the one that is ten times slower. */
  function shareOfSlow(interval: number): number {
    const model = new QueueingModel(4);
    for (const name of ['one', 'other']) model.addServer(name, 10);
    const slow = model.addServer('slow', 100);
    model.addClient('least-loaded');
    model.runBursts(20, interval, 60_000);
    return slow.served / model.latencies.length;
  }

  it('gives a slow node what it can do in the time, not a third', () => {
    expect(shareOfSlow(300)).toBeLessThan(0.1);
  });

  it('does not follow the only report that is fresh, which is that of the slowest node', () => {
    expect(shareOfSlow(1_500)).toBeLessThan(0.2);
  });

  it('keeps to nodes that answer soon where servers report nothing', () => {
    const model = new QueueingModel(4);
    for (const name of ['one', 'other', 'third']) model.addServer(name, 10, false);
    const slow = model.addServer('slow', 100, false);
    model.addClient('least-loaded');
    model.run(200, 20_000);
    expect(slow.served / model.latencies.length).toBeLessThan(0.02);
  });
});
