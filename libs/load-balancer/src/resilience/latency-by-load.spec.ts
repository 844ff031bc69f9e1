import { describe, expect, it } from '@jest/globals';
import { LatencyByLoad } from './latency-by-load.js';

function recorded(inFlight: number, latencies: readonly number[], now = 0): LatencyByLoad {
  const byLoad = new LatencyByLoad();
  for (const latency of latencies) byLoad.record(inFlight, latency, now);
  return byLoad;
}

describe('the latency at a load', () => {
  it('is not known before the first request', () => {
    expect(new LatencyByLoad().at(1, 0)).toBeUndefined();
  });

  it.each([
    [[7], 7],
    [[9, 1], 1],
    [[9, 1, 5], 5],
    [[8, 3, 9, 2, 7, 4, 6, 5, 1], 5],
    [[1_000, 1_000, 8, 3, 9, 2, 7, 4, 6, 5, 1], 5],
  ])('is the median of the last nine: %j', (latencies, median) => {
    expect(recorded(4, latencies).at(4, 0)).toBe(median);
  });

  it('is not confused by a few odd ones', () => {
    expect(recorded(4, [2, 2, 900, 2, 2, 900, 2, 900, 2]).at(4, 0)).toBe(2);
  });

  it('is told apart from those at other loads', () => {
    const byLoad = recorded(1, [3, 3, 3]);
    for (const inFlight of [64, 65, 66]) byLoad.record(inFlight, inFlight, 0);
    expect(byLoad.at(1, 0)).toBe(3);
    expect(byLoad.at(67, 0)).toBe(65);
  });

  it('is that of the nearest load that is known, of two the lower one', () => {
    const byLoad = recorded(2, [20]);
    byLoad.record(6, 60, 0);
    expect([0, 1, 3, 4, 5, 7, 1_000].map((inFlight) => byLoad.at(inFlight, 0))).toEqual([
      20, 20, 20, 20, 60, 60, 60,
    ]);
  });

  it('is forgotten after ten seconds, and not mixed with what comes then', () => {
    const byLoad = recorded(2, [500, 500, 500], 0);
    byLoad.record(9, 90, 9_000);
    expect(byLoad.at(2, 10_000)).toBe(500);
    expect(byLoad.at(2, 10_001)).toBe(90);
    byLoad.record(2, 4, 12_000);
    expect(byLoad.at(2, 12_000)).toBe(4);
    expect(byLoad.at(2, 22_001)).toBeUndefined();
  });

  it('has a place for every load', () => {
    const byLoad = recorded(Number.MAX_SAFE_INTEGER, [1]);
    byLoad.record(0, 2, 0);
    byLoad.record(0.5, 2, 0);
    expect([byLoad.at(1e12, 0), byLoad.at(0, 0)]).toEqual([1, 2]);
  });
});
