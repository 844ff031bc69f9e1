import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../../errors.js';
import { parseScenario, simulationOf, strategiesOf, strategyProblem, type Scenario } from './scenario.js';
import { scenarios } from './scenarios.js';
import { simulate } from './simulate.js';

const all: [string, Scenario][] = Object.entries(scenarios);

it.each(all)('%s is a scenario, and its bars are those of strategies that it compares', (_, scenario) => {
  expect(parseScenario(structuredClone(scenario))).toEqual(scenario);
  expect(strategiesOf(scenario)).toEqual(expect.arrayContaining(Object.keys(scenario.bars ?? {})));
});

describe('in less time, and with seeds that nothing was tuned with', () => {
  // The bars are for the median of the seeds over a minute, which `npm run simulate` shows.
  it.each([
    // S3 at ten times the size, and as much dearer: one strategy, and one of the stalls.
    ['s1', 'least-loaded', 6_000],
    ['s3', 'least-loaded', 15_000],
    ['s3', 'peak-ewma', 15_000],
    ['s3', 'least-loaded+hedge', 15_000],
    ['s9', 'least-loaded', 12_000],
    ['s9', 'peak-ewma', 12_000],
    ['s9', 'least-loaded+hedge', 12_000],
  ] as const)('%s: %s reaches its bar', (name, strategy, duration) => {
    const scenario = { ...scenarios[name], warmUp: 3_000, duration };
    const events = scenario.events?.map((stall) => ({ ...stall, at: 4_000 })) ?? [];
    expect(events).toHaveLength(1);
    const { latency } = simulate({ ...simulationOf(scenario, strategy, 201), events });
    const bars = Object.entries(scenarios[name].bars?.[strategy] ?? {});
    expect(bars).toHaveLength(1);
    for (const [figure, limit] of bars) expect(latency[figure as 'p99' | 'p999']).toBeLessThanOrEqual(limit);
  });

  it('round robin is why: a call in a hundred waits for seconds', () => {
    const { latency } = simulate({ ...simulationOf(scenarios.s3, 'round-robin', 201), duration: 20_000 });
    expect(latency.p99).toBeGreaterThan(4_000);
  });

  it.each(['least-request', 'peak-ewma', 'least-loaded'])(
    'two clients alone do not lock in, by %s',
    (strategy) => {
      const { latency, servers } = simulate({
        ...simulationOf(scenarios['two-clients'], strategy, 202),
        duration: 20_000,
      });
      expect(latency.p50).toBeLessThan(60);
      const fast = servers.slice(0, 9).map(({ served }) => served);
      expect(Math.min(...fast)).toBeGreaterThan(Math.max(...fast) * 0.6);
    },
  );

  it.each([
    ['slow-node', 20_000],
    ['stall', 25_000],
    ['crash', 45_000],
    ['deploy', 45_000],
    ['zones', 27_000],
    ['overload', 10_000],
  ] as const)('%s: every bar is reached', (name, duration) => {
    for (const [strategy, figures] of Object.entries(scenarios[name].bars)) {
      const { latency, failed, calls } = simulate({
        ...simulationOf(scenarios[name], strategy, 203),
        duration,
      });
      const reached = { ...latency, failed: failed / calls };
      for (const [figure, limit] of Object.entries<number>(figures))
        expect(reached[figure as keyof typeof reached]).toBeLessThanOrEqual(limit);
    }
  });

  it('zones: calls stay in their zone as far as its servers go, and every server that is left has as many', () => {
    const { at, count } = { at: 2_000, count: 3 };
    const outage = { type: 'crash' as const, at, of: 'b', count };
    const { servers, failed } = simulate({
      ...simulationOf(scenarios.zones, 'least-loaded', 201),
      warmUp: 5_000,
      duration: 20_000,
      events: [outage],
    });
    expect(failed).toBe(0);
    const shares = servers.filter(({ served }) => served > 0).map(({ share }) => share * 9);
    expect(shares).toHaveLength(9);
    for (const share of shares) expect(Math.abs(share - 1)).toBeLessThan(0.15);
  });
});

function problems(scenario: object): string[] {
  try {
    parseScenario(scenario);
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe('a scenario of one’s own', () => {
  const OWN = { title: 'Mine', servers: [{ serviceTime: 10 }], load: 0.5 };

  it('is taken as it is', () => {
    expect(parseScenario({ ...OWN, strategies: ['random'] })).toEqual({ ...OWN, strategies: ['random'] });
  });

  it('is compared with hedging when its calls may be hedged', () => {
    expect(strategiesOf({ ...OWN, call: { idempotent: true } })).toContain('least-loaded+hedge');
    expect(strategiesOf(OWN)).not.toContain('least-loaded+hedge');
    expect(strategiesOf(OWN)).toContain('least-loaded');
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
    expect(problems(wrong)).toEqual([
      'strategies: expected a list of strategies, got "random"',
      'hedging.delay: expected a number ≥ 1 (milliseconds), got 0',
      'bars.random.p98: expected one of p50, p90, p99, p999, max, failed, got "p98"',
      'bars.random.p99: expected a number ≥ 0, got -1',
      'title: missing',
      'service.strategy: stands in strategies, where several can be compared',
      'servers[0].serviceTime: missing',
      'service.timeout: expected a number ≥ 0 (milliseconds), got -1',
    ]);
  });

  it.each<[string, object, string[]]>([
    [
      'that are not compared',
      {
        strategies: ['round-robin'],
        bars: { 'least-loaded': { p99: 1 }, 'round-robbin': { p99: 1 }, 'round-robin': { p99: 1 } },
      },
      [
        'bars.least-loaded: is not one of the strategies that are compared (round-robin)',
        'bars.round-robbin: is not one of the strategies that are compared; did you mean "round-robin"?',
      ],
    ],
    [
      'that are not compared by default',
      { bars: { maglev: { p99: 1 } } },
      [
        'bars.maglev: is not one of the strategies that are compared (round-robin, least-request, peak-ewma, least-loaded)',
      ],
    ],
    [
      'that no share can miss',
      { bars: { 'round-robin': { failed: 200 } } },
      ['bars.round-robin.failed: expected a number from 0 to 1, got 200'],
    ],
  ])('is refused with bars %s', (_, wrong, expected) => {
    expect(problems({ ...OWN, ...wrong })).toEqual(expected);
  });

  it('is refused without a strategy', () => {
    expect(problems({ ...OWN, strategies: [] })).toEqual(['strategies: expected at least one strategy']);
  });

  it('is refused with strategies that there are not, all at once', () => {
    const strategies = ['round-robn', 'maglef', 'least-loaded+hege', 'best'];
    const expected = [
      'strategies[0]: unknown strategy "round-robn"; did you mean "round-robin"?',
      'strategies[1]: unknown strategy "maglef"; did you mean "maglev"?',
      'strategies[2]: unknown strategy "least-loaded+hege"; did you mean "least-loaded+hedge"?',
      'strategies[3]: unknown strategy "best" (known: round-robin, pick-first, random, weighted-round-robin, least-request, peak-ewma, least-loaded, ring-hash, maglev, each also with +hedge)',
    ];
    expect(problems({ ...OWN, strategies })).toEqual(expected);
    expect(problems({ ...OWN, strategies, clients: 0 })).toEqual([
      'clients: expected an integer ≥ 1, got 0',
      ...expected,
    ]);
  });

  it('is refused with strategies that do not go with its calls', () => {
    const message =
      'with "random+hedge", call.idempotent: expected true or false: hedge is for idempotent calls only';
    expect(problems({ ...OWN, sumary: '', strategies: ['random', 'random+hedge'] })).toEqual([
      'sumary: unknown option; did you mean "summary"?',
      `strategies[1]: ${message}`,
    ]);
    expect(strategyProblem(OWN, 'random+hedge')).toBe(message);
    expect(strategyProblem(OWN, 'random')).toBeUndefined();
  });

  it('is refused with options that are unknown or without effect, beside what contradicts itself', () => {
    expect(
      problems({
        ...OWN,
        sumary: 'Mine',
        seed: 5,
        callsPerSecond: 10,
        servres: 1,
        duration: 100,
        warmUp: 100,
      }),
    ).toEqual([
      'sumary: unknown option; did you mean "summary"?',
      'seed: each run has another; they are given on the command line, as --seeds',
      'servres: unknown option; did you mean "servers"?',
      'load: expected either this or callsPerSecond, got both',
      'warmUp: expected less than the duration (100), got 100',
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
