import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../../errors.js';
import { COMPARED, parseScenario, simulationOf, type Scenario } from './scenario.js';
import { scenarios } from './scenarios.js';
import { simulate } from './simulate.js';

const all: [string, Scenario][] = Object.entries(scenarios);

it.each(all)('%s is a scenario, and its bars are those of strategies that it compares', (_, scenario) => {
  expect(parseScenario(structuredClone(scenario))).toEqual(scenario);
  const { strategies = COMPARED, bars = {} } = scenario;
  expect(strategies).toEqual(expect.arrayContaining(Object.keys(bars)));
});

describe('in less time, and with seeds that nothing was tuned with', () => {
  const reference = ['s1', 's3', 's9'] as const;
  const cases = reference.flatMap((name) =>
    Object.entries(scenarios[name].bars as NonNullable<Scenario['bars']>).map(
      ([strategy, bars]) => [name, strategy, bars] as const,
    ),
  );

  it.each(cases)('%s: %s reaches its bar', (name, strategy, bars) => {
    // The bars are for the median of the seeds over a minute; one minute of S1 alone would take seconds.
    const duration = name === 's1' ? 20_000 : 30_000;
    const { latency } = simulate({ ...simulationOf(scenarios[name], strategy, 201), duration });
    for (const [figure, limit] of Object.entries(bars)) {
      expect(latency[figure as 'p99' | 'p999']).toBeLessThanOrEqual(limit);
    }
  });

  it('round robin is why: a call in a hundred waits for seconds', () => {
    const { latency } = simulate({ ...simulationOf(scenarios.s3, 'round-robin', 201), duration: 40_000 });
    expect(latency.p99).toBeGreaterThan(10_000);
  });

  it.each(['least-request', 'peak-ewma', 'least-loaded'])(
    'two clients alone do not lock in, by %s',
    (strategy) => {
      const { latency, servers } = simulate({
        ...simulationOf(scenarios['two-clients'], strategy, 202),
        duration: 40_000,
      });
      expect(latency.p50).toBeLessThan(60);
      const fast = servers.slice(0, 9).map(({ served }) => served);
      expect(Math.min(...fast)).toBeGreaterThan(Math.max(...fast) * 0.6);
    },
  );

  it.each(['slow-node', 'stall', 'crash', 'deploy', 'overload'] as const)(
    '%s: every bar is reached',
    (name) => {
      for (const [strategy, figures] of Object.entries(scenarios[name].bars)) {
        const { latency, failed, calls } = simulate({
          ...simulationOf(scenarios[name], strategy, 203),
          duration: 45_000,
        });
        const reached = { ...latency, failed: failed / calls };
        for (const [figure, limit] of Object.entries<number>(figures))
          expect(reached[figure as keyof typeof reached]).toBeLessThanOrEqual(limit);
      }
    },
  );
});

describe('a scenario of one’s own', () => {
  const OWN = { title: 'Mine', servers: [{ serviceTime: 10 }], load: 0.5 };

  it('is taken as it is', () => {
    expect(parseScenario({ ...OWN, strategies: ['random'] })).toEqual({ ...OWN, strategies: ['random'] });
  });

  it('is refused with every problem at once', () => {
    const wrong = {
      servers: [{}],
      load: 0.5,
      strategies: 'random',
      hedging: { delay: 0 },
      bars: { random: { p98: 5, p99: -1 } },
      service: { strategy: 'random', timeout: -1 },
    };
    let caught: unknown;
    try {
      parseScenario(wrong);
    } catch (error) {
      caught = error;
    }
    if (!(caught instanceof InvalidOptionsError)) throw new Error('not refused');
    expect(caught.problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'strategies: expected a list of strategies, got "random"',
      'hedging.delay: expected a number ≥ 1 (milliseconds), got 0',
      'bars.random.p98: expected one of p50, p90, p99, p999, max, failed',
      'bars.random.p99: expected a number ≥ 0, got -1',
      'title: missing',
      'service.strategy: stands in strategies, where several can be compared',
      'servers[0].serviceTime: missing',
      'service.timeout: expected a number ≥ 0 (milliseconds), got -1',
    ]);
  });

  it('is hedged as it says, within its own options', () => {
    const scenario: Scenario = {
      ...OWN,
      hedging: { delay: 30, budget: 0.1 },
      service: { timeout: 500, retry: { maxAttempts: 2 } },
    };
    expect(simulationOf(scenario, 'peak-ewma+hedge', 7)).toEqual({
      servers: OWN.servers,
      load: 0.5,
      seed: 7,
      service: {
        timeout: 500,
        strategy: 'peak-ewma',
        hedge: { delay: 30 },
        retry: { maxAttempts: 2, budget: { ratio: 0.1, minPerSecond: 0 } },
      },
    });
    expect(simulationOf(scenario, 'peak-ewma', 7).service).toEqual({
      ...scenario.service,
      strategy: 'peak-ewma',
    });
  });
});
