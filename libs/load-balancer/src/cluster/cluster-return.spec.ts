import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StrategyName } from '../strategies/registry.js';
import { builtInStrategies, STRATEGY_NAMES } from '../strategies/registry.js';
import type { Strategy, StrategyFactory } from '../strategies/strategy.js';
import { seededRandom } from '../testing/seeded-random.js';
import { Cluster } from './cluster.js';
import { resolveEjectionPolicy } from './ejection/ejection-policy.js';
import { resolveEndpoint } from './endpoint.js';
import type { ClusterNode } from './node.js';
import type { Outstanding } from './outstanding.js';
import { SlowStart } from './slow-start.js';

type Node = ClusterNode<undefined>;

const NODES = 6;
const LATENCY = 20;

/** A cluster under a call each millisecond, which takes 20 ms, of which a node may lose all. */
function underLoad(name: StrategyName, seed: number, slowStart: boolean) {
  const random = seededRandom(seed);
  let time = 0;
  const clock = { now: () => time, wall: () => time };
  const factory: StrategyFactory = builtInStrategies[name];
  const strategy = factory({ random, now: clock.now }, {}) as unknown as Strategy<Node>;
  const told: string[] = [];
  const cluster = new Cluster<undefined>(
    {
      strategy: slowStart ? new SlowStart(strategy, { random, now: clock.now }) : strategy,
      panicThreshold: 50,
      probed: false,
      ejection: resolveEjectionPolicy({ baseEjectionTime: 3_000 }),
      clock,
      random,
    },
    {
      onAdded: (node) => node.setConnection('connected', 'connected'),
      onRemoved: () => undefined,
      onStatus: () => undefined,
      onPanic: () => undefined,
      onEjected: () => told.push('ejected'),
      onTrial: () => told.push('trial'),
      onReturned: () => told.push('returned'),
    },
  );
  cluster.apply(
    Array.from({ length: NODES }, (_, i) => resolveEndpoint({ host: '10.0.0.1', port: 4_000 + i })),
  );
  const nodes = [...cluster.nodes.values()];
  let ill: Node | undefined;
  const running: { node: Node; attempt: Outstanding; endsAt: number }[] = [];
  let calls = 0;
  /** Lets a node lose its calls, or none do, for so long. Tells its share of the calls, and how many it had at most. */
  const run = (milliseconds: number, watched: Node, failing?: Node): { share: number; most: number } => {
    ill = failing;
    let given = 0;
    let most = 0;
    for (const end = time + milliseconds; time < end;) {
      time++;
      if (time % 1_000 === 0) cluster.upkeep();
      while (running[0] !== undefined && running[0].endsAt <= time) {
        const { node, attempt } = running.shift()!;
        node.end(node === ill ? 'timed-out' : 'answered', LATENCY, attempt, time);
      }
      const node = cluster.pick({ pattern: 'p', tried: undefined, hashKey: `key-${calls++}`, now: time })!;
      const attempt = { startedAt: time } as Outstanding;
      node.begin(attempt);
      running.push({ node, attempt, endsAt: time + LATENCY });
      if (node === watched) given++;
      most = Math.max(most, watched.inFlight);
    }
    return { share: given / milliseconds, most };
  };
  return { nodes, run, told };
}

describe.each(STRATEGY_NAMES.filter((name) => name !== 'pick-first'))('under load, %s', (name) => {
  it.each([
    ['its share and no more', false, 1.8],
    ['less than its share, with a slow start,', true, name === 'ring-hash' || name === 'maglev' ? 1.8 : 0.6],
  ])('gives a node %s when it is back from its ejection by way of a trial', (_, slowStart, most) => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(NODES - 1), (seed, index) => {
        const { nodes, run, told } = underLoad(name, seed, slowStart);
        const node = nodes[index]!;
        run(1_000, node);
        run(1_500, node, node);
        expect(told).toEqual(['ejected']);
        const out = run(1_500, node);
        expect(out.share).toBe(0);
        run(1_600, node);
        expect(told).toEqual(['ejected', 'trial', 'returned']);
        const back = run(500, node);
        expect(back.share * NODES).toBeLessThan(most);
        expect(back.share).toBeGreaterThan(0);
        // 20 calls are in flight, so that 3.3 are its due: what it may have is what chance makes of that at most.
        expect(back.most).toBeLessThanOrEqual(13);
        const later = run(1_000, node);
        if (!slowStart) expect(later.share * NODES).toBeGreaterThan(0.5);
      }),
      { seed: 1, numRuns: name === 'maglev' ? 2 : 6 },
    );
  });
});
