import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyCall, fakeDeps, fakeNodes } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { QueueingModel } from '../testing/queueing-model.js';
import { LeastRequest } from './least-request.js';
import type { StrategyName } from './registry.js';
import { STRATEGY_NAMES } from './registry.js';

/** Those that spread the calls of one client. */
const SPREADING = STRATEGY_NAMES.filter((name) => name !== 'pick-first');
const BY_LOAD = ['least-request', 'peak-ewma', 'least-loaded'] as const satisfies StrategyName[];

describe.each(SPREADING)('over a service of equal nodes, %s', (name) => {
  it('gives them equal load within statistical error', () => {
    const model = new QueueingModel(7);
    for (let i = 0; i < 8; i++) model.addServer(`s${i}`, 10);
    for (let i = 0; i < 3; i++) model.addClient(name);
    // 60 % of what they can do.
    model.run(480, 40_000);
    const mean = model.latencies.length / 8;
    // 5 σ of a binomial, and 5 % for the table of a hash.
    const error = 5 * Math.sqrt(mean) + mean * 0.05;
    for (const { served } of model.servers) expect(Math.abs(served - mean)).toBeLessThan(error);
  });
});

describe.each(BY_LOAD)('over a service of unequal nodes, %s', (name) => {
  it('does not lock in: with two clients, none of the fast nodes is forgotten and the median stays near the best', () => {
    const model = new QueueingModel(3);
    for (let i = 0; i < 9; i++) model.addServer(`fast${i}`, 10);
    const slow = model.addServer('slow', 100);
    for (let i = 0; i < 2; i++) model.addClient(name);
    for (let round = 0; round < 3; round++) {
      for (const server of model.servers) server.served = 0;
      model.latencies.length = 0;
      model.run(640, 20_000);
      const median = model.latencies.sort((a, b) => a - b)[model.latencies.length >> 1]!;
      expect(median).toBeLessThan(60);
      const fast = model.servers.filter((server) => server !== slow).map(({ served }) => served);
      expect(Math.min(...fast)).toBeGreaterThan(Math.max(...fast) * 0.6);
      expect(slow.served).toBeGreaterThan(0);
      expect(slow.served).toBeLessThan(Math.min(...fast) * 0.6);
    }
  });

  it('gives a node that joins its share and no more, from the first second on', () => {
    const seeds = [5, 6, 7, 8];
    const joining = seeds.map((seed) => {
      const model = new QueueingModel(seed);
      for (let i = 0; i < 5; i++) model.addServer(`s${i}`, 5);
      const clients = [model.addClient(name), model.addClient(name)];
      model.run(500, 10_000);
      const joined = model.addServer('new', 5);
      for (const { strategy, nodes } of clients) {
        nodes.push(model.nodeOf(joined));
        strategy.update([...nodes]);
      }
      return { model, joined };
    });
    for (const duration of [1_000, 10_000]) {
      let served = 0;
      for (const { model, joined } of joining) {
        joined.served = 0;
        model.run(500, duration);
        served += joined.served;
      }
      const share = ((500 * duration) / 1_000 / 6) * seeds.length;
      expect(served).toBeGreaterThan(share * 0.5);
      expect(served).toBeLessThan(share * 1.5);
    }
  });

  it('does not flood a node that comes back', () => {
    const model = new QueueingModel(11);
    for (let i = 0; i < 5; i++) model.addServer(`s${i}`, 5);
    const clients = [model.addClient(name), model.addClient(name)];
    const [back] = model.servers;
    model.run(500, 10_000);
    for (const { strategy, nodes } of clients) strategy.update(nodes.slice(1));
    model.run(500, 30_000);
    for (const { strategy, nodes } of clients) strategy.update([...nodes]);
    back!.served = 0;
    model.run(500, 2_000);
    expect(back!.served).toBeGreaterThan(200 * 0.3);
    expect(back!.served).toBeLessThan(200 * 1.7);
  });

  it('goes on while a hundred nodes of a thousand change every second, and keeps what the others have shown', () => {
    const nodes = fakeNodes(1_000);
    const model = new QueueingModel(1);
    const { strategy } = model.addClient(name);
    const servers = nodes.map(({ key }) => model.addServer(key, 5));
    const live = servers.map((server) => model.nodeOf(server));
    live[0]!.begin();
    live[0]!.end('answered', 77);
    for (let change = 0; change < 100; change++) {
      live.splice(1 + ((change * 37) % 900), 1);
      live.push(model.nodeOf(model.addServer(`new${change}`, 5)));
      strategy.update([...live]);
      for (let i = 0; i < 5; i++) expect(live).toContain(strategy.pick(anyCall as never));
    }
    expect(live[0]!.pace(0)).toBe(77);
  });
});

describe('least-request, weighted', () => {
  const weighted = (weights: readonly number[]): FakeNode[] =>
    fakeNodes(weights.length).map((node, i) => ({ ...node, weight: weights[i]! }));

  it('gives nodes their share in a quiet service, where nothing is ever in flight', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 10 });
    fc.assert(
      fc.property(weights, fc.integer(), (weights, seed) => {
        const nodes = weighted(weights);
        const counts = new Map(nodes.map((node) => [node, 0]));
        const strategy = new LeastRequest<FakeNode>(fakeDeps(seed));
        strategy.update(nodes);
        for (let i = 0; i < 20_000; i++) {
          const node = strategy.pick(anyCall)!;
          counts.set(node, counts.get(node)! + 1);
        }
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [{ weight }, count] of counts) {
          const share = (20_000 * weight) / total;
          expect(Math.abs(count - share)).toBeLessThan(5.5 * Math.sqrt(share) + 1);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('keeps calls in flight in proportion to weight', () => {
    const nodes = weighted([1, 2, 4, 8]);
    const strategy = new LeastRequest<FakeNode>(fakeDeps());
    strategy.update(nodes);
    for (let i = 0; i < 1_500; i++) strategy.pick(anyCall)!.inFlight++;
    for (const { weight, inFlight } of nodes) {
      expect(Math.abs(inFlight - weight * 100)).toBeLessThan(weight * 100 * 0.1);
    }
  });
});
