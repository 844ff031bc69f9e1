import type { Scenario } from './scenario.js';
import type { SimulationEvent } from './simulation-options.js';

/** A random fast server does nothing for a second, every five seconds. */
const STALLS: readonly SimulationEvent[] = [
  { type: 'stall', at: 12_000, every: 5_000, of: 'fast', for: 1_000 },
];

/** Nothing but the choice of the node: no call is cut short, and no node is taken out. */
const CHOICE_ALONE = { timeout: 0, outlierDetection: false } as const;

const IDEMPOTENT = { idempotent: true } as const;

/** What tail latency is measured by: many servers, some of them slow, and one of the fast ones always about to stall. */
function reference(
  name: string,
  { fast, slow, slower, clients, load }: Record<'fast' | 'slow' | 'slower' | 'clients' | 'load', number>,
  [leastLoaded, peakEwma, hedged]: readonly [number, number, number],
): Scenario {
  return {
    title: `${name}: ${fast + slow} servers, ${slow} of them ${slower}× slower`,
    summary: `${clients} clients, ${load * 100} % load; every 5 s, a random fast server does nothing for 1 s.`,
    servers: [
      { name: 'fast', count: fast, serviceTime: 10 },
      { name: 'slow', count: slow, serviceTime: 10, slower },
    ],
    clients,
    load,
    duration: 60_000,
    warmUp: 10_000,
    call: IDEMPOTENT,
    service: CHOICE_ALONE,
    events: STALLS,
    bars: {
      'least-loaded': { p99: leastLoaded },
      'peak-ewma': { p99: peakEwma },
      'least-loaded+hedge': { p999: hedged },
    },
  };
}

/** The scenarios that come with the library. */
export const scenarios = {
  'slow-node': {
    title: 'One slow node of ten',
    summary:
      'The node that takes ten times as long answers everything, so health checks find nothing wrong with it.',
    servers: [
      { name: 'fast', count: 9, serviceTime: 10 },
      { name: 'slow', serviceTime: 10, slower: 10 },
    ],
    clients: 4,
    load: 0.7,
    call: IDEMPOTENT,
    service: { timeout: 1_000 },
    bars: { 'least-loaded': { p99: 120, failed: 0 } },
  },
  s1: reference('S1', { fast: 90, slow: 10, slower: 10, clients: 20, load: 0.7 }, [90, 170, 125]),
  s3: reference('S3', { fast: 9, slow: 1, slower: 10, clients: 4, load: 0.7 }, [120, 280, 170]),
  s9: reference('S9', { fast: 27, slow: 3, slower: 5, clients: 8, load: 0.8 }, [140, 220, 200]),
  'two-clients': {
    title: 'Two clients only',
    summary:
      'With few clients, each sees most of the load itself: what lags behind locks in on yesterday’s best nodes.',
    servers: [
      { name: 'fast', count: 9, serviceTime: 10 },
      { name: 'slow', serviceTime: 10, slower: 10 },
    ],
    clients: 2,
    load: 0.7,
    call: IDEMPOTENT,
    service: CHOICE_ALONE,
    bars: { 'least-loaded': { p50: 60 }, 'peak-ewma': { p50: 60 }, 'least-request': { p50: 60 } },
  },
  stall: {
    title: 'A process that hangs',
    summary:
      'Every ten seconds one of ten servers does nothing for three: probes find it, calls with a hedge do not wait for it.',
    servers: [{ count: 10, serviceTime: 10 }],
    clients: 4,
    load: 0.5,
    call: IDEMPOTENT,
    service: { timeout: 5_000 },
    events: [{ type: 'stall', at: 15_000, every: 10_000, for: 3_000 }],
    bars: { 'least-loaded+hedge': { failed: 0 } },
  },
  crash: {
    title: 'Servers that crash',
    summary: 'One of six ends without notice and is back ten seconds later; then two at once.',
    servers: [{ count: 6, serviceTime: 10 }],
    clients: 4,
    load: 0.5,
    call: IDEMPOTENT,
    service: { timeout: 2_000 },
    events: [
      { type: 'crash', at: 15_000, for: 10_000 },
      { type: 'crash', at: 35_000, count: 2, for: 10_000 },
    ],
    bars: { 'round-robin': { failed: 0 }, 'least-loaded': { failed: 0 } },
  },
  deploy: {
    title: 'A rolling deploy',
    summary:
      'Six servers are stopped and started one after the other. None of the calls may be repeated, and none is lost.',
    servers: [{ count: 6, serviceTime: 10 }],
    clients: 4,
    load: 0.5,
    service: { timeout: 2_000 },
    events: [{ type: 'deploy', at: 15_000, downtime: 3_000 }],
    strategies: ['round-robin', 'least-request', 'peak-ewma', 'least-loaded'],
    bars: { 'round-robin': { failed: 0 }, 'least-loaded': { failed: 0 } },
  },
  zones: {
    title: 'Two zones, one of which loses half its servers',
    summary:
      'Calls stay in their zone, since messages to the other one take 5 ms. From 20 s to 40 s three of six servers of zone b are gone: a third of its calls goes to zone a.',
    servers: [
      { name: 'a', count: 6, serviceTime: 10, zone: 'a' },
      { name: 'b', count: 6, serviceTime: 10, zone: 'b' },
    ],
    clients: [
      { count: 3, zone: 'a' },
      { count: 3, zone: 'b' },
    ],
    network: { sameZone: 0.25, otherZone: 5 },
    load: 0.5,
    call: IDEMPOTENT,
    service: { timeout: 2_000 },
    events: [{ type: 'crash', at: 20_000, of: 'b', count: 3, for: 20_000 }],
    // Without zones, half of the calls take 10 ms longer: a median of 19.
    bars: { 'round-robin': { p50: 16, failed: 0 }, 'least-loaded': { p50: 16, p99: 105, failed: 0 } },
  },
  overload: {
    title: 'Half as much again as the servers can do',
    summary:
      'Servers refuse what is beyond 30 requests at once: two thirds can be served, and those within their deadline.',
    servers: [{ count: 4, serviceTime: 10, limits: { maxInFlight: 30 } }],
    clients: 8,
    load: 1.5,
    call: IDEMPOTENT,
    service: { timeout: 1_000 },
    strategies: ['round-robin', 'least-request', 'peak-ewma', 'least-loaded'],
    bars: { 'round-robin': { failed: 0.4 }, 'least-loaded': { failed: 0.4 } },
  },
  large: {
    title: '1 000 clients, 10 000 servers',
    summary: 'One server in twenty is ten times slower. Each client uses a subset of 50 servers.',
    servers: [
      { name: 'fast', count: 9_500, serviceTime: 200 },
      { name: 'slow', count: 500, serviceTime: 200, slower: 10 },
    ],
    clients: 1_000,
    load: 0.5,
    duration: 20_000,
    call: IDEMPOTENT,
    service: { subset: { size: 50 } },
    strategies: ['round-robin', 'peak-ewma', 'least-loaded'],
  },
} as const satisfies Record<string, Scenario>;
