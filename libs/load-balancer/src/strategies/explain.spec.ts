import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlowStart } from '../cluster/slow-start.js';
import { fakeDeps, fakeNodes } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { DryRun } from './dry-run.js';
import { GuardedStrategy } from './guarded.js';
import { builtInStrategies, STRATEGY_NAMES, type StrategyName } from './registry.js';
import type { PickContext, Strategy, StrategyFactory } from './strategy.js';

interface Node extends FakeNode {
  readonly readySince: number;
  readonly priority: number;
}

type Wrapping = 'none' | 'slow start' | 'dry run' | 'guarded';

const CASES: [StrategyName, Record<string, unknown>][] = [
  ...STRATEGY_NAMES.map((name): [StrategyName, Record<string, unknown>] => [name, {}]),
  ['pick-first', { shuffle: false }],
  ['weighted-round-robin', { weights: 'reported', blackoutPeriod: 0 }],
];
/** Those whose next pick is settled when they are asked. */
const CERTAIN: readonly StrategyName[] = ['round-robin', 'weighted-round-robin', 'pick-first'];

function make(
  name: StrategyName,
  options: Record<string, unknown>,
  wrapping: Wrapping,
  seed: number,
): Strategy<Node> {
  const create = builtInStrategies[name] as StrategyFactory;
  const deps = fakeDeps(seed);
  // A strategy gives back what it was given.
  const strategy = create(deps, options) as unknown as Strategy<Node>;
  switch (wrapping) {
    case 'none':
      return strategy;
    case 'slow start':
      return new SlowStart(strategy, deps);
    case 'dry run':
      return new DryRun(strategy, create(fakeDeps(seed + 1), options) as unknown as Strategy<Node>);
    case 'guarded':
      return new GuardedStrategy(strategy, () => undefined);
  }
}

const node = fc.record({
  inFlight: fc.nat(9),
  weight: fc.integer({ min: 1, max: 9 }),
  reported: fc.option(fc.nat(20)),
  warm: fc.boolean(),
});
const call = fc.record({ key: fc.option(fc.string()), tried: fc.nat(3), explains: fc.nat(3) });

describe.each(CASES)('explain() of %s %p', (name, options) => {
  it.each<Wrapping>(['none', 'slow start', 'dry run', 'guarded'])(
    'changes nothing: the picks that follow are those of a twin that was not asked (%s round it)',
    (wrapping) => {
      fc.assert(
        fc.property(
          fc.array(node, { minLength: 1, maxLength: 12 }),
          fc.array(call, { minLength: 1, maxLength: 30 }),
          fc.integer(),
          (shapes, calls, seed) => {
            const [asked, twin] = [make(name, options, wrapping, seed), make(name, options, wrapping, seed)];
            const nodes = fakeNodes(shapes.length).map((fake, i): Node => {
              const { inFlight, weight, reported, warm } = shapes[i]!;
              const load =
                reported === null
                  ? undefined
                  : { inFlight: reported, latency: reported, rate: 1, utilization: 0.5 };
              const readySince = warm ? -Infinity : 0;
              return {
                ...fake,
                inFlight,
                weight,
                load,
                expected: reported ?? undefined,
                readySince,
                priority: 0,
              };
            });
            for (const one of [asked, twin]) {
              one.update(nodes);
              for (const each of nodes) if (each.load) one.observe?.(each);
              one.refresh?.();
            }
            for (const { key, tried, explains } of calls) {
              const context: PickContext<Node> = {
                pattern: 'p',
                tried: tried === 0 ? undefined : new Set(nodes.slice(0, tried)),
                hashKey: key ?? undefined,
                now: 0,
              };
              const explanations = Array.from({ length: explains }, () => asked.explain?.(context));
              for (const explanation of explanations) {
                expect(explanation).toEqual(explanations[0]);
                if (explanation?.choice) expect(nodes).toContain(explanation.choice);
              }
              const picked = asked.pick(context);
              expect(picked).toBe(twin.pick(context));
              const certain = CERTAIN.includes(name) && (tried === 0 || name !== 'pick-first');
              const hashed = (name === 'ring-hash' || name === 'maglev') && key !== null;
              if (wrapping !== 'slow start' && (certain || hashed))
                for (const explanation of explanations) expect(explanation?.choice).toBe(picked);
            }
          },
        ),
        // A table of Maglev takes 20 ms.
        { numRuns: name === 'maglev' ? 3 : 25 },
      );
    },
  );
});
