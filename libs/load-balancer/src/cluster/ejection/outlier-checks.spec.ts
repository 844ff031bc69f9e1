import { describe, expect, it } from '@jest/globals';
import { CallTally } from './call-tally.js';
import { byFailurePercentage, byLatency, bySuccessRate } from './outlier-checks.js';

function node(successes: number, failures = 0, latency = 10): { tally: CallTally } {
  const tally = new CallTally();
  for (let i = 0; i < successes; i++) tally.success(latency);
  for (let i = 0; i < failures; i++) tally.failure(i, 1_000, false);
  return { tally };
}
const nodes = (count: number, ...how: Parameters<typeof node>) =>
  Array.from({ length: count }, () => node(...how));

describe('by success rate', () => {
  const check = { deviations: 1.9, minimumNodes: 5, minimumRequests: 100 };

  it('a node that is further below the mean than the deviations allow stands out, with its figures', () => {
    const bad = node(50, 50);
    expect(bySuccessRate([...nodes(9, 100), bad], check)).toEqual([
      { record: bad, reason: '50 % of its calls succeeded, of all nodes 95 %' },
    ]);
  });

  it('a node that is hardly worse than perfect ones does not', () => {
    expect(bySuccessRate([...nodes(9, 100), node(95, 5)], check)).toEqual([]);
    expect(bySuccessRate([...nodes(9, 100), node(94, 6)], check)).toHaveLength(1);
  });

  it('the worst comes first', () => {
    const [bad, worse] = [node(40, 60), node(20, 80)];
    const found = bySuccessRate([bad, ...nodes(18, 100), worse], check);
    expect(found.map(({ record }) => record)).toEqual([worse, bad]);
  });

  it('only nodes with enough requests are judged, and only when there are enough of these', () => {
    const bad = node(50, 50);
    expect(bySuccessRate([...nodes(3, 100), ...nodes(5, 99), bad], check)).toEqual([]);
    expect(bySuccessRate([...nodes(9, 100), node(50, 49)], check)).toEqual([]);
    expect(bySuccessRate([], { ...check, minimumNodes: 0, minimumRequests: 0 })).toEqual([]);
  });
});

describe('by failure percentage', () => {
  const check = { threshold: 85, minimumNodes: 5, minimumRequests: 50 };

  it('a node stands out that fails more than the threshold, not one that fails just as much', () => {
    const [at, above] = [node(15, 85), node(14, 86)];
    expect(byFailurePercentage([...nodes(3, 50), at, above], check)).toEqual([
      { record: above, reason: '86 % of its calls failed' },
    ]);
  });

  it('the worst comes first, and nodes with few requests count for nothing', () => {
    const [bad, worse] = [node(5, 95), node(0, 100)];
    const found = byFailurePercentage([bad, ...nodes(3, 50), worse, node(0, 49)], check);
    expect(found.map(({ record }) => record)).toEqual([worse, bad]);
    expect(byFailurePercentage([bad, ...nodes(2, 50), worse, node(0, 49)], check)).toEqual([]);
  });
});

describe('by latency', () => {
  const check = { factor: 3, tolerated: 50, minimumNodes: 3, minimumRequests: 10 };

  it('a node stands out that takes longer than the factor times the median', () => {
    const [at, above] = [node(10, 0, 60), node(10, 0, 61)];
    expect(byLatency([...nodes(3, 10, 0, 20), at, above], check)).toEqual([
      { record: above, reason: 'it took 61 ms a call, the median node 20 ms' },
    ]);
  });

  it('nobody does within what is tolerated, however fast the others are', () => {
    expect(byLatency([...nodes(4, 10, 0, 1), node(10, 0, 50)], check)).toEqual([]);
  });

  it('the slowest comes first; answers count, and failures do not', () => {
    const [slow, slower] = [node(10, 0, 400), node(10, 0, 500)];
    const found = byLatency([slow, ...nodes(4, 10, 0, 20), slower, node(9, 90, 900)], check);
    expect(found.map(({ record }) => record)).toEqual([slower, slow]);
    expect(byLatency([slow, node(10), node(9)], check)).toEqual([]);
  });
});
