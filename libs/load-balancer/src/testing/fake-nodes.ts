import type { LoadReport } from '../strategies/load-report.js';
import type { PickContext, StrategyDeps, StrategyNode } from '../strategies/strategy.js';
import { seededRandom } from './seeded-random.js';

export interface FakeNode extends StrategyNode {
  inFlight: number;
  weight: number;
  load: LoadReport | undefined;
  loadAt: number;
  loadSince: number;
  waitingSince: number | undefined;
  /** What `pace` answers. */
  expected: number | undefined;
}

export function fakeNodes(count: number): FakeNode[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `10.0.0.${i}:4000`,
    weight: 1,
    zone: undefined,
    metadata: {},
    inFlight: 0,
    latency: undefined,
    load: undefined,
    loadAt: 0,
    loadSince: 0,
    waitingSince: undefined,
    expected: undefined,
    pace(): number | undefined {
      return this.expected;
    },
  }));
}

export function fakeDeps(seed = 1): StrategyDeps {
  return { random: seededRandom(seed), now: () => 0 };
}

export const anyCall: PickContext<FakeNode> = { pattern: 'test', tried: undefined };

/** How often each node was picked in `picks` picks, by key. */
export function tally(picks: number, pick: () => FakeNode | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const key = pick()?.key ?? 'none';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
