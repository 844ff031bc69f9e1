import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseLoadReport } from '../transport/reply-trailer.js';
import { anyCall, fakeNodes } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import type { LoadReport } from './load-report.js';
import { ReportedWeights } from './reported-weights.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

/** What the parser of reports lets pass. */
const ABSURD = { inFlight: 1, rate: 1e15, utilization: 1e-310, errorRate: 0 };

function reporting(...loads: (Partial<LoadReport> | undefined)[]): FakeNode[] {
  return fakeNodes(loads.length).map((node, i) => ({
    ...node,
    load: loads[i] && { inFlight: 0, ...loads[i] },
  }));
}

describe('weights from load reports', () => {
  const watched = new ReportedWeights({ blackoutPeriod: 0 });

  it('are what a node gets done for what it costs it', () => {
    const nodes = reporting({ rate: 100, utilization: 0.5 }, { rate: 100, utilization: 0.25 });
    expect([...watched.weigh(nodes, 0)!]).toEqual([200, 400]);
  });

  it('count failed requests against a node', () => {
    const nodes = reporting({ rate: 100, utilization: 0.5, errorRate: 0.5 }, { rate: 100, utilization: 0.5 });
    expect([...watched.weigh(nodes, 0)!]).toEqual([100, 200]);
  });

  it('give a node without a usable report the mean of the others, not the mean of the period', () => {
    const nodes = reporting({ rate: 90, utilization: 1 }, { rate: 30, utilization: 1 }, undefined, {
      utilization: 0.5,
    });
    expect([...watched.weigh(nodes, 0)!]).toEqual([90, 30, 60, 60]);
  });

  it('are no further from the mean than ten times', () => {
    const loads = Array.from({ length: 99 }, () => ({ rate: 1, utilization: 1 }));
    const [great, small] = watched.weigh(reporting({ rate: 1e9, utilization: 1 }, ...loads), 0)!;
    const mean = (1e9 + 99) / 100;
    expect(great).toBeCloseTo(mean * 10, 5);
    expect(small).toBeCloseTo(mean * 0.1, 5);
  });

  it('are not made of fewer than two reports', () => {
    expect(watched.weigh(reporting({ rate: 1, utilization: 1 }, undefined), 0)).toBeUndefined();
    expect(watched.weigh([], 0)).toBeUndefined();
  });

  it('wait ten seconds after the first report, and after a gap of three minutes again', () => {
    const weights = new ReportedWeights();
    const nodes = reporting({ rate: 1, utilization: 1 }, { rate: 3, utilization: 1 });
    const at = (now: number, reported = now): number[] | undefined => {
      for (const node of nodes) node.loadAt = reported;
      const made = weights.weigh(nodes, now);
      return made && [...made];
    };
    expect(at(0)).toBeUndefined();
    expect(at(9_999)).toBeUndefined();
    expect(at(10_000)).toEqual([1, 3]);
    expect(at(189_999, 10_000)).toEqual([1, 3]);
    expect(at(190_000, 10_000)).toBeUndefined();
    expect(at(190_001)).toBeUndefined();
    expect(at(200_001)).toEqual([1, 3]);
  });

  it('wait again for a server that was started anew, though its node was not weighed meanwhile', () => {
    const weights = new ReportedWeights();
    const nodes = reporting(...Array.from({ length: 3 }, () => ({ rate: 100, utilization: 0.5 })));
    weights.weigh(nodes, 0);
    for (const node of nodes) node.loadAt = 20_000;
    expect([...weights.weigh(nodes, 20_000)!]).toEqual([200, 200, 200]);
    weights.weigh(nodes.slice(1), 21_000);
    nodes[0]!.load = { inFlight: 0, rate: 1, utilization: 0.5 };
    nodes[0]!.loadAt = nodes[0]!.loadSince = 25_000;
    expect([...weights.weigh(nodes, 25_000)!]).toEqual([200, 200, 200]);
    expect([...weights.weigh(nodes, 34_999)!]).toEqual([200, 200, 200]);
    expect(weights.weigh(nodes, 35_000)![0]).toBeLessThan(100);
  });

  it('are finite and above 0, and can be gone by, whatever servers say', () => {
    const figure = fc.oneof(
      fc.double({ noNaN: true }),
      fc.constantFrom(0, 5e-324, 1e-310, 1, Number.MAX_SAFE_INTEGER, Infinity),
    );
    const load = fc.record({ inFlight: fc.nat(9), rate: figure, utilization: figure, errorRate: figure });
    fc.assert(
      fc.property(fc.array(load, { maxLength: 6 }), fc.boolean(), (loads, blind) => {
        const nodes = reporting(...loads.map((each) => parseLoadReport(each)));
        const errorPenalty = blind ? 0 : 1;
        const made = new ReportedWeights({ blackoutPeriod: 0, errorPenalty }).weigh(nodes, 0) ?? [];
        for (const weight of made) {
          expect(Number.isFinite(weight)).toBe(true);
          expect(weight).toBeGreaterThan(0);
        }
        const strategy = new WeightedRoundRobin<FakeNode>(
          { random: () => 0, now: () => 0 },
          { weights: 'reported', blackoutPeriod: 0, errorPenalty },
        );
        strategy.update(nodes);
        strategy.refresh();
        for (let i = 0; i < 20 && nodes.length > 0; i++) expect(nodes).toContain(strategy.pick(anyCall));
        for (const score of strategy.explain(anyCall).scores.values()) expect(score).toBeGreaterThan(0);
      }),
      { examples: [[[ABSURD, { ...ABSURD, rate: 10, utilization: 0.5 }, ABSURD], false]] },
    );
  });

  it('move the calls of weighted-round-robin at its next refresh, and are the fixed ones until then', () => {
    const nodes = fakeNodes(2);
    nodes[0]!.weight = 3;
    const strategy = new WeightedRoundRobin<FakeNode>(
      { random: () => 0, now: () => 0 },
      { weights: 'reported', blackoutPeriod: 0 },
    );
    strategy.update(nodes);
    const shares = (): number[] => {
      for (const node of nodes) node.inFlight = 0;
      for (let i = 0; i < 400; i++) strategy.pick(anyCall)!.inFlight++;
      return nodes.map(({ inFlight }) => inFlight);
    };
    expect(shares()).toEqual([300, 100]);
    nodes[0]!.load = { inFlight: 0, rate: 100, utilization: 1 };
    nodes[1]!.load = { inFlight: 0, rate: 100, utilization: 0.25 };
    strategy.refresh();
    expect(shares()).toEqual([80, 320]);
  });
});
