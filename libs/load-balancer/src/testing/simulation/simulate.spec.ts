import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { STRATEGY_NAMES } from '../../strategies/registry.js';
import { simulate } from './simulate.js';
import type { SimulationOptions } from './simulation-options.js';

/** Nothing but servers and lines before them. */
const BARE = { healthCheck: false, outlierDetection: false, timeout: 0 } as const;

const SMALL: SimulationOptions = {
  duration: 10_000,
  servers: [{ count: 4, serviceTime: 10 }],
  clients: 2,
  load: 0.5,
};

describe('as a model', () => {
  const ONE: SimulationOptions = {
    seed: 11,
    duration: 500_000,
    warmUp: 10_000,
    servers: [{ serviceTime: 10 }],
    clients: 1,
    load: 0.5,
    network: 0,
    service: BARE,
  };

  it('agrees with queueing theory: one server with exponential service times (M/M/1)', () => {
    const { latency, servers } = simulate(ONE);
    // 1 / (μ − λ), and an exponential distribution of it.
    expect(Math.abs(latency.mean - 20)).toBeLessThan(20 * 0.04);
    expect(Math.abs(latency.p50 - 20 * Math.log(2))).toBeLessThan(20 * 0.04);
    expect(Math.abs(latency.p99 - 20 * Math.log(100))).toBeLessThan(20 * Math.log(100) * 0.08);
    expect(Math.abs(servers[0]!.utilization - 0.5)).toBeLessThan(0.01);
  });

  it('agrees with queueing theory: one server with constant service times (M/D/1)', () => {
    const { latency } = simulate({ ...ONE, servers: [{ serviceTime: 10, distribution: 'constant' }] });
    // 1 / μ + ρ / (2 μ (1 − ρ))
    expect(Math.abs(latency.mean - 15)).toBeLessThan(15 * 0.03);
  });

  it('agrees with queueing theory: four workers before one line (M/M/4)', () => {
    const { latency } = simulate({ ...ONE, servers: [{ serviceTime: 40, workers: 4 }], load: 0.7 });
    // Erlang C of 4 servers at 2.8 erlang is 0.4287: 40 + 0.4287 × 40 / (4 − 2.8)
    expect(Math.abs(latency.mean - 54.29)).toBeLessThan(54.29 * 0.04);
  });

  it('counts the network both ways', () => {
    const near = {
      servers: [{ serviceTime: 1, distribution: 'constant' as const }],
      clients: 1,
      callsPerSecond: 1,
    };
    expect(simulate({ ...near, network: 30 }).latency.p50).toBeCloseTo(61, 6);
    const zones = {
      clients: [{ zone: 'a' }],
      servers: [{ ...near.servers[0]!, zone: 'b' }],
      callsPerSecond: 1,
      network: { sameZone: 1, otherZone: 20 },
    };
    expect(simulate(zones).latency.p50).toBeCloseTo(41, 6);
    expect(simulate({ ...zones, servers: [{ ...zones.servers[0]!, zone: 'a' }] }).latency.p50).toBeCloseTo(
      3,
      6,
    );
  });

  it('keeps servers as busy as the load says, slow ones too', () => {
    const { servers } = simulate({
      ...SMALL,
      duration: 60_000,
      servers: [
        { name: 'fast', count: 3, serviceTime: 10 },
        { name: 'slow', serviceTime: 10, slower: 4 },
      ],
      load: 0.6,
      service: { ...BARE, strategy: 'least-request' },
    });
    const capacity = [100, 100, 100, 25];
    const work = servers.reduce((sum, { utilization }, i) => sum + utilization * capacity[i]!, 0);
    expect(Math.abs(work / 325 - 0.6)).toBeLessThan(0.03);
    expect(servers.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  });
});

describe('whatever happens', () => {
  const eventsOf = fc.array(
    fc.oneof(
      fc.record({
        type: fc.constant('stall' as const),
        at: fc.nat({ max: 2_500 }),
        for: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({
        type: fc.constant('partition' as const),
        at: fc.nat({ max: 2_500 }),
        for: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({
        type: fc.constant('crash' as const),
        at: fc.nat({ max: 2_500 }),
        every: fc.integer({ min: 500, max: 2_000 }),
        for: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({
        type: fc.constant('slow-down' as const),
        at: fc.nat({ max: 2_500 }),
        factor: fc.double({ min: 0.5, max: 20, noNaN: true }),
        for: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({
        type: fc.constant('deploy' as const),
        at: fc.nat({ max: 2_500 }),
        downtime: fc.nat({ max: 1_000 }),
      }),
    ),
    { maxLength: 4 },
  );

  const anything: fc.Arbitrary<SimulationOptions> = fc.record({
    seed: fc.nat(),
    duration: fc.constant(3_000),
    warmUp: fc.constant(1_000),
    servers: fc.constant([
      { name: 'own', count: 3, serviceTime: 10, limits: { maxInFlight: 20 } },
      { name: 'stock', count: 2, serviceTime: 10, stock: true },
    ]),
    clients: fc.integer({ min: 1, max: 3 }),
    load: fc.double({ min: 0.2, max: 1.4, noNaN: true }),
    call: fc.record({ idempotent: fc.boolean(), hashKeys: fc.integer({ min: 1, max: 50 }) }),
    service: fc.record({
      strategy: fc.constantFrom(...STRATEGY_NAMES),
      timeout: fc.constantFrom(0, 300, 2_000),
      hedge: fc.constantFrom({ delay: 30 }, { delay: 'p95' as const }, false as const),
      waitForReady: fc.boolean(),
    }),
    events: eventsOf,
  });

  it('every call settles once or is unfinished at the end, and is counted as one of these', () => {
    fc.assert(
      fc.property(anything, (options) => {
        // A call that settled twice would throw.
        const { calls, answered, failed, failedBy, unfinished, overTime, latency } = simulate(options);
        expect(answered + failed + unfinished).toBe(calls);
        expect(Object.values(failedBy).reduce((sum, count) => sum + count, 0)).toBe(failed);
        const measured = overTime
          .filter(({ at }) => at >= 1_000)
          .reduce((sum, moment) => sum + moment.calls, 0);
        expect(measured).toBe(calls);
        // A deadline may be late by a tick of the wheel.
        const { timeout = 0 } = options.service ?? {};
        if (timeout > 0) expect(latency.max).toBeLessThanOrEqual(timeout + 6);
      }),
      { numRuns: 12 },
    );
  });

  it('the same seed gives the same result, and another one another', () => {
    fc.assert(
      fc.property(anything, (options) => {
        const result = simulate(options);
        expect(simulate(options)).toEqual(result);
        expect(simulate({ ...options, seed: (options.seed ?? 0) + 1 }).overTime).not.toEqual(result.overTime);
      }),
      { numRuns: 4 },
    );
  });

  it('configurations with the same seed meet the same calls', () => {
    const calls = (strategy: string) =>
      simulate({ ...SMALL, service: { strategy } }).overTime.map((moment) => moment.calls);
    expect(calls('least-loaded')).toEqual(calls('round-robin'));
  });
});

describe('what goes wrong', () => {
  const EIGHT: SimulationOptions = {
    ...SMALL,
    duration: 20_000,
    warmUp: 2_000,
    servers: [{ count: 8, serviceTime: 10 }],
  };
  const IDEMPOTENT = { idempotent: true };

  it('a crash loses what is under way unless calls may be repeated', () => {
    const crash = { ...EIGHT, events: [{ type: 'crash' as const, at: 5_000, every: 1_000, for: 800 }] };
    const lost = simulate(crash);
    expect(lost.failed).toBeGreaterThan(5);
    expect(lost.failedBy).toEqual({ CONNECTION_LOST: lost.failed });
    const repeated = simulate({ ...crash, call: IDEMPOTENT });
    expect(repeated.failed).toBe(0);
    expect(repeated.retries).toBeGreaterThan(5);
    expect(repeated.attempts).toBeGreaterThan(repeated.calls);
  });

  it('a crashed server serves nothing until it is back', () => {
    const crash = { type: 'crash' as const, of: 'doomed', at: 2_000 };
    const servers = [
      { name: 'other', count: 7, serviceTime: 10 },
      { name: 'doomed', serviceTime: 10 },
    ];
    const served = (event: object): number =>
      simulate({ ...EIGHT, servers, events: [{ ...crash, ...event }] }).servers.at(-1)!.served;
    expect(served({})).toBe(0);
    const whole = served({ at: 19_999 });
    // Ten seconds of eighteen, less the time that probes take to find it.
    expect(served({ for: 10_000 })).toBeGreaterThan(whole * 0.25);
    expect(served({ for: 10_000 })).toBeLessThan(whole * 0.5);
  });

  it.each([
    ['a crash that is shorter', { type: 'crash' as const, at: 3_000, for: 1_000 }],
    ['a deploy', { type: 'deploy' as const, at: 3_000, downtime: 100 }],
    ['the end of a crash before', { type: 'crash' as const, at: 1_000, for: 4_000 }],
  ])('what has crashed for good is not brought back by %s', (_, other) => {
    const { servers } = simulate({
      ...EIGHT,
      servers: [
        { name: 'other', count: 3, serviceTime: 10 },
        { name: 'doomed', serviceTime: 10 },
      ],
      load: 0.3,
      events: [
        { type: 'crash', at: 2_000, of: 'doomed' },
        { ...other, of: 'doomed' },
      ],
    });
    expect(servers.at(-1)).toMatchObject({ name: 'doomed-1', served: 0 });
  });

  it('a rolling deploy of servers that drain loses nothing, of stock ones what is under way', () => {
    const deploy = { ...EIGHT, duration: 30_000, events: [{ type: 'deploy' as const, at: 5_000 }] };
    const drained = simulate(deploy);
    expect(drained.failed).toBe(0);
    const alone = simulate({ ...deploy, servers: [{ serviceTime: 10 }], load: 0.3 });
    expect(alone.failedBy.NO_NODES).toBeGreaterThan(0);
    const stock = simulate({ ...deploy, servers: [{ count: 8, serviceTime: 10, stock: true }] });
    expect(stock.failedBy).toEqual({ CONNECTION_LOST: stock.failed });
    expect(stock.failed).toBeGreaterThan(0);
  });

  it('a stall holds up what the server has, and a hedge does not wait for it', () => {
    const stall = {
      ...EIGHT,
      call: IDEMPOTENT,
      events: [{ type: 'stall' as const, at: 5_000, every: 5_000, for: 1_000 }],
    };
    const { latency, failed } = simulate(stall);
    expect(failed).toBe(0);
    expect(latency.max).toBeGreaterThan(1_000);
    const hedged = simulate({ ...stall, service: { strategy: 'least-loaded', hedge: { delay: 80 } } });
    expect(hedged.hedges).toBeGreaterThan(0);
    expect(hedged.latency.max).toBeLessThan(600);
  });

  it('a process that hangs is found by its probes, and one that is cut off too', () => {
    for (const type of ['stall', 'partition'] as const) {
      const { overTime } = simulate({
        ...EIGHT,
        service: { strategy: 'round-robin' },
        events: [{ type, at: 5_000, for: 12_000 }],
      });
      // Round robin goes on giving it an eighth of the calls until then; those fail at their deadline.
      const failures = overTime.map(({ failed }) => failed);
      expect(Math.max(...failures.slice(5, 7))).toBeGreaterThan(10);
      expect(failures.slice(8, 17)).toEqual(new Array(9).fill(0));
    }
  });

  it('a node that fails its calls is ejected', () => {
    const { ejections, overTime } = simulate({
      ...EIGHT,
      service: { strategy: 'round-robin', timeout: 200 },
      events: [{ type: 'slow-down', at: 5_000, factor: 100 }],
    });
    expect(ejections).toBeGreaterThan(0);
    expect(overTime[6]!.failed + overTime[5]!.failed).toBeGreaterThan(0);
    expect(overTime.slice(8).reduce((sum, { failed }) => sum + failed, 0)).toBe(0);
  });

  it('a server with limits refuses what is too much, and the rest is served in time', () => {
    const overload: SimulationOptions = {
      ...SMALL,
      load: 1.6,
      servers: [{ count: 4, serviceTime: 10, limits: { maxInFlight: 10 } }],
      service: { retry: false },
    };
    const { failedBy, answered, latency } = simulate(overload);
    expect(Object.keys(failedBy)).toEqual(['OVERLOADED']);
    expect(answered / (400 * (10 - 10 / 6))).toBeGreaterThan(0.9);
    expect(latency.p99).toBeLessThan(400);
    const unlimited = simulate({ ...overload, servers: [{ count: 4, serviceTime: 10 }] });
    expect(unlimited.latency.p99).toBeGreaterThan(2_000);
  });

  it('most nodes being out is a panic, which is counted', () => {
    const { panics } = simulate({ ...EIGHT, events: [{ type: 'stall', at: 5_000, count: 6, for: 8_000 }] });
    expect(panics).toBeGreaterThan(0);
  });
});

describe('clients', () => {
  it('have a subset of the servers each, another for each of them and for each seed', () => {
    const used = (seed: number, clients: SimulationOptions['clients']): string[] => {
      const servers = [{ count: 30, serviceTime: 10 }];
      const result = simulate({
        ...SMALL,
        seed,
        servers,
        clients: clients!,
        load: 0.05,
        service: { subset: { size: 3 } },
      });
      return result.servers.filter(({ served }) => served > 0).map(({ name }) => name);
    };
    expect(used(1, 1)).toHaveLength(3);
    expect(used(1, 1)).toEqual(used(1, 1));
    expect(used(2, 1)).not.toEqual(used(1, 1));
    const both = used(1, [{}, { service: { subset: { size: 4 } } }]);
    expect(both).toEqual(expect.arrayContaining(used(1, 1)));
    expect(both.length).toBeGreaterThan(4);
    expect(both.length).toBeLessThanOrEqual(7);
  });

  describe('of a zone', () => {
    const ZONES: SimulationOptions = {
      ...SMALL,
      servers: [
        { name: 'a', count: 3, serviceTime: 10, zone: 'a' },
        { name: 'b', count: 3, serviceTime: 10, zone: 'b' },
      ],
      clients: [{ count: 2, zone: 'a' }],
      network: { sameZone: 1, otherZone: 20 },
      load: 0.1,
    };
    /** Share of the calls that left zone a. */
    const abroad = (changed: Partial<SimulationOptions>): number =>
      simulate({ ...ZONES, ...changed, service: { strategy: 'round-robin', ...changed.service } })
        .servers.filter(({ zone }) => zone === 'b')
        .reduce((sum, { share }) => sum + share, 0);

    it('keep their calls there as far as the zone can take those of its callers', () => {
      const callers = { callers: { a: 1, b: 1 } };
      expect(abroad({ service: { locality: callers } })).toBe(0);
      const crash = { type: 'crash' as const, at: 0, of: 'a', count: 2 };
      // A quarter of the nodes, half of the callers; those that are gone still count as known.
      expect(abroad({ service: { locality: callers }, events: [crash] })).toBeCloseTo(0.5, 1);
      expect(abroad({ service: { locality: { callers: { a: 1 } } } })).toBeCloseTo(0.5, 1);
      expect(abroad({ service: { locality: { zone: false } } })).toBeCloseTo(0.5, 1);
      expect(abroad({ service: { locality: { minNodes: 7 } } })).toBeCloseTo(0.5, 1);
    });

    it('stand where the options of the service say, when their group says nothing', () => {
      const { latency, servers } = simulate({
        ...ZONES,
        clients: 2,
        service: { locality: { zone: 'b' } },
      });
      expect(servers.slice(0, 3).map(({ served }) => served)).toEqual([0, 0, 0]);
      expect(latency.p50).toBeLessThan(20);
    });

    it('use servers of a lower priority when those before them are gone', () => {
      const servers = [
        { name: 'a', count: 3, serviceTime: 10, priority: 0 },
        { name: 'b', count: 3, serviceTime: 10, priority: 1, zone: 'b' },
      ];
      expect(abroad({ servers, clients: 2 })).toBe(0);
      const events = [{ type: 'crash' as const, at: 0, of: 'a', count: 'all' as const }];
      expect(abroad({ servers, clients: 2, events })).toBeCloseTo(1, 9);
    });
  });

  it('have options of their own over those of all', () => {
    const failed = (timeout: number) =>
      simulate({
        ...SMALL,
        servers: [{ serviceTime: 200, distribution: 'constant' }],
        callsPerSecond: 1,
        load: undefined as never,
        clients: [{ service: { timeout } }],
        service: { timeout: 5 },
      }).failed;
    expect(failed(5_000)).toBe(0);
    expect(failed(100)).toBeGreaterThan(0);
  });

  it('send calls of one key to one server, by a strategy that hashes', () => {
    const largest = (hashKeys: number): number => {
      const { servers } = simulate({
        ...SMALL,
        call: { hashKeys },
        load: 0.1,
        service: { strategy: 'maglev' },
      });
      return Math.max(...servers.map(({ share }) => share));
    };
    // What is more than its share of the calls in flight goes elsewhere.
    expect(largest(1)).toBeGreaterThan(0.7);
    expect(largest(1_000)).toBeLessThan(0.4);
  });

  it('go by the options of the pattern of their calls, however that is laid out', () => {
    const failed = (pattern: string) =>
      simulate({
        ...SMALL,
        call: { pattern },
        service: { patterns: { slow: {}, '{ "cmd": "a", "v": 1 }': { timeout: 1 } } },
      }).failed;
    expect(failed('slow')).toBe(0);
    expect(failed('{"v":1,"cmd":"a"}')).toBeGreaterThan(0);
  });

  it('take strategies of the user’s own', () => {
    const last = () => {
      let nodes: readonly { key: string }[] = [];
      return { update: (all: never) => void (nodes = all), pick: () => nodes.at(-1) as never };
    };
    const { servers } = simulate({ ...SMALL, load: 0.1, service: { strategy: last } });
    expect(servers.map(({ share }) => share)).toEqual([0, 0, 0, 1]);
  });
});

it('tells what the library would log, once for all clients', () => {
  const faulty = () => ({
    update: () => undefined,
    pick: () => {
      throw new Error('not today');
    },
  });
  const { warnings, failed } = simulate({
    ...SMALL,
    clients: 3,
    service: { strategy: faulty, outlierDetection: { successRate: {} } },
  });
  expect(failed).toBe(0);
  expect(warnings).toEqual([
    expect.stringMatching(/^service\.outlierDetection\.successRate: .*there are 4/),
    expect.stringMatching(/^service: strategy .*not today/),
  ]);
  expect(simulate(SMALL).warnings).toEqual([]);
});

it('tells how far it is', () => {
  const shares: number[] = [];
  simulate({ ...SMALL, duration: 1_000 }, (share) => shares.push(share));
  expect(shares).toHaveLength(100);
  expect(shares.at(-1)).toBe(1);
});
