import { describe, expect, it } from '@jest/globals';
import type {
  DiscoverySnapshot,
  NodeSnapshot,
  ServiceSnapshot,
  TargetSnapshot,
} from '../cluster/snapshot.js';
import { healthReport, missingNodes, overallStatus } from './health-report.js';

const since = new Date('2026-01-31T09:00:00Z');

function node(overrides: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return {
    key: '10.0.0.1:4001',
    endpoint: {
      host: '10.0.0.1',
      port: 4001,
      weight: 1,
      zone: undefined,
      priority: 0,
      draining: false,
      metadata: { owner: 'secret team' },
    },
    status: 'ready',
    reason: 'answered a probe after connecting',
    since,
    ejectedUntil: undefined,
    inFlight: 2,
    calls: 10,
    failures: 1,
    latency: 1.234_567,
    load: undefined,
    ...overrides,
  };
}

function target(overrides: Partial<TargetSnapshot> = {}): TargetSnapshot {
  return {
    target: 'static:///10.0.0.1:4001',
    state: 'ok',
    lastSuccess: since,
    age: 0,
    error: undefined,
    warning: undefined,
    nodes: 1,
    ...overrides,
  };
}

function discovery(only: TargetSnapshot): DiscoverySnapshot {
  return { ...only, targets: [only] };
}

function service(overrides: Partial<ServiceSnapshot> = {}): ServiceSnapshot {
  return {
    name: 'orders',
    status: 'up',
    ready: 1,
    total: 1,
    known: 1,
    minReady: 1,
    panic: false,
    places: [{ priority: 0, zone: undefined, share: 1, nodes: 1 }],
    discovery: discovery(target({ age: 0 })),
    nodes: [node()],
    ...overrides,
  };
}

describe('health report', () => {
  it('shows each service and node, with times in ISO 8601 and latency to the microsecond', () => {
    expect(JSON.parse(JSON.stringify(healthReport([service()])))).toEqual({
      status: 'up',
      services: {
        orders: {
          status: 'up',
          ready: 1,
          total: 1,
          minReady: 1,
          panic: false,
          discovery: {
            target: 'static:///10.0.0.1:4001',
            state: 'ok',
            lastSuccess: '2026-01-31T09:00:00.000Z',
            age: 0,
          },
          nodes: [
            {
              key: '10.0.0.1:4001',
              weight: 1,
              status: 'ready',
              reason: 'answered a probe after connecting',
              since: '2026-01-31T09:00:00.000Z',
              inFlight: 2,
              calls: 10,
              failures: 1,
              latency: 1.235,
            },
          ],
        },
      },
    });
  });

  it('writes what is not known yet as null', () => {
    const starting = service({
      discovery: discovery(
        target({ state: 'failing', lastSuccess: undefined, age: undefined, error: 'ENOTFOUND' }),
      ),
      nodes: [node({ latency: undefined })],
    });
    expect(healthReport([starting]).services?.orders).toMatchObject({
      discovery: { state: 'failing', lastSuccess: null, age: null, error: 'ENOTFOUND' },
      nodes: [{ latency: null }],
    });
  });

  it('tells what of a set could not be used, while the rest of it is', () => {
    const partly = service({ discovery: discovery(target({ warning: '#1: no port' })) });
    const { status, services } = healthReport([partly]);
    expect(services?.orders?.discovery).toMatchObject({ state: 'ok', warning: '#1: no port' });
    expect(status).toBe('up');
    expect(healthReport([service()]).services?.orders?.discovery).not.toHaveProperty('warning');
  });

  it('tells of each target, where there are several', () => {
    const own = target({ target: 'dns:///orders:1', state: 'failing', age: 5_000, error: 'ETIMEOUT' });
    const both = { ...discovery(own), targets: [own, target({ age: 0 })] };
    const { services } = healthReport([service({ discovery: both })]);
    expect(services?.orders?.discovery).toEqual({
      target: 'dns:///orders:1',
      state: 'failing',
      lastSuccess: '2026-01-31T09:00:00.000Z',
      age: 5_000,
      error: 'ETIMEOUT',
      targets: [
        {
          target: 'dns:///orders:1',
          state: 'failing',
          lastSuccess: '2026-01-31T09:00:00.000Z',
          age: 5_000,
          error: 'ETIMEOUT',
          nodes: 1,
        },
        {
          target: 'static:///10.0.0.1:4001',
          state: 'ok',
          lastSuccess: '2026-01-31T09:00:00.000Z',
          age: 0,
          nodes: 1,
        },
      ],
    });
  });

  it('tells of an ejected node when a call may try it', () => {
    const ejected = node({ status: 'ejected', ejectedUntil: new Date('2026-01-31T09:00:30Z') });
    expect(healthReport([service({ nodes: [ejected] })]).services?.orders?.nodes).toMatchObject([
      { status: 'ejected', ejectedUntil: '2026-01-31T09:00:30.000Z' },
    ]);
  });

  it('tells where calls go and which nodes are used, where there is something to tell', () => {
    const here = { priority: 0, zone: 'a', share: 2 / 3, nodes: 1 };
    const there = { priority: 1, zone: undefined, share: 1 / 3, nodes: 4 };
    const { endpoint } = node();
    const nodes = [node({ endpoint: { ...endpoint, zone: 'a', priority: 1 } })];
    expect(
      healthReport([service({ known: 100, places: [here, there], nodes })]).services?.orders,
    ).toMatchObject({
      total: 1,
      known: 100,
      places: [
        { priority: 0, zone: 'a', share: 0.666_667, nodes: 1 },
        { priority: 1, share: 0.333_333, nodes: 4 },
      ],
      nodes: [{ zone: 'a', priority: 1 }],
    });
  });

  it('keeps a service of any name apart, even one that is special to objects', () => {
    const { services } = healthReport([service({ name: '__proto__' }), service()]);
    expect(Object.keys(services!)).toEqual(['__proto__', 'orders']);
  });

  it('has the worst status of all services', () => {
    const up = { status: 'up' } as const;
    const degraded = { status: 'degraded' } as const;
    expect(overallStatus([])).toBe('up');
    expect(overallStatus([up, degraded])).toBe('degraded');
    expect(overallStatus([degraded, { status: 'down' }, up])).toBe('down');
  });

  it('says which services have too few ready nodes, and are down for it', () => {
    const services = [
      service(),
      service({ name: 'panicking', status: 'degraded', ready: 0 }),
      service({ name: 'users', status: 'down', ready: 1, total: 3, minReady: 2 }),
      service({ name: 'mail', status: 'down', ready: 0, total: 1 }),
      service({ name: 'optional', ready: 0, total: 0, minReady: 0 }),
    ];
    expect(missingNodes(services)).toEqual([
      'users: 1 of 3 nodes are ready, 2 needed',
      'mail: 0 of 1 node is ready, 1 needed',
    ]);
  });
});
