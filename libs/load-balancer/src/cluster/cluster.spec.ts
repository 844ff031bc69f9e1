import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RoundRobin } from '../strategies/round-robin.js';
import { seededRandom } from '../testing/seeded-random.js';
import { Cluster } from './cluster.js';
import { endpointKey, resolveEndpoint } from './endpoint.js';
import type { ClusterNode } from './node.js';
import { snapshotService } from './service-snapshot.js';

interface Options {
  probed?: boolean;
  panicThreshold?: number;
}

function cluster({ probed = false, panicThreshold = 50 }: Options = {}) {
  const log: string[] = [];
  const random = seededRandom(1);
  let time = 0;
  const clock = { now: () => time, wall: () => time };
  const subject = new Cluster<undefined>(
    {
      strategy: new RoundRobin({ random, now: clock.now }),
      panicThreshold,
      probed,
      ejection: false,
      clock,
      random,
    },
    {
      onAdded: (node) => log.push(`added ${node.key}`),
      onRemoved: (node) => log.push(`removed ${node.key}`),
      onStatus: (node, from) => log.push(`${node.key} ${from} → ${node.status}`),
      onPanic: (active, healthy, total) => log.push(`panic ${active} ${healthy}/${total}`),
      onEjected: () => undefined,
      onTrial: () => undefined,
      onReturned: () => undefined,
    },
  );
  return { subject, log, advance: (ms: number) => (time += ms) };
}

const endpoints = (...ports: number[]) => ports.map((port) => resolveEndpoint({ host: 'h', port }));
const call = { pattern: 'p', tried: undefined };
type Node = ClusterNode<undefined>;

function all(subject: Cluster<undefined>): Node[] {
  return [...subject.nodes.values()];
}

function picks(subject: Cluster<undefined>, count = 60): Set<string> {
  const keys = new Set<string>();
  for (let i = 0; i < count; i++) {
    const node = subject.pick(call);
    if (node) keys.add(node.key);
  }
  return keys;
}

describe('membership', () => {
  it('is a diff: who stays keeps the same object, with its state and statistics', () => {
    const { subject, log } = cluster();
    subject.apply(endpoints(1, 2));
    const survivor = subject.nodes.get('h:2')!;
    survivor.setConnection('connected', 'connected');
    survivor.begin();
    log.length = 0;
    subject.apply(endpoints(2, 3));
    expect(subject.nodes.get('h:2')).toBe(survivor);
    expect(survivor.inFlight).toBe(1);
    expect(survivor.status).toBe('ready');
    expect(log).toEqual(['removed h:1', 'added h:3']);
  });

  it('takes new labels over without a new node', () => {
    const { subject } = cluster();
    subject.apply(endpoints(1));
    const node = subject.nodes.get('h:1')!;
    expect(subject.apply([resolveEndpoint({ host: 'h', port: 1, weight: 3, metadata: { v: '2' } })])).toBe(
      true,
    );
    expect(subject.nodes.get('h:1')).toBe(node);
    expect(node.weight).toBe(3);
    expect(node.metadata).toEqual({ v: '2' });
  });

  it('tells nothing when nothing changed', () => {
    const { subject, log } = cluster();
    subject.apply(endpoints(1, 2));
    log.length = 0;
    expect(subject.apply(endpoints(1, 2))).toBe(false);
    expect(log).toEqual([]);
  });

  it('ends up as the last set, in its order, for any sequence of sets', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 20 }))), (sets) => {
        const { subject, log } = cluster();
        for (const ports of sets) {
          const before = new Map(subject.nodes);
          subject.apply(endpoints(...ports));
          expect([...subject.nodes.keys()]).toEqual(
            endpoints(...ports).map((endpoint) => endpointKey(endpoint)),
          );
          for (const [key, node] of subject.nodes) if (before.has(key)) expect(before.get(key)).toBe(node);
        }
        const added = log.filter((line) => line.startsWith('added')).length;
        const removed = log.filter((line) => line.startsWith('removed')).length;
        expect(added - removed).toBe(subject.nodes.size);
      }),
    );
  });

  it('replaces 10 000 nodes in one linear pass', () => {
    const { subject, log } = cluster();
    const many = Array.from({ length: 10_000 }, (_, i) =>
      resolveEndpoint({ host: `10.0.${i >> 8}.${i & 255}`, port: 1 }),
    );
    subject.apply(many);
    const survivor = subject.nodes.get('10.0.20.20:1');
    log.length = 0;
    subject.apply(many.slice(5_000));
    expect(subject.nodes.size).toBe(5_000);
    expect(log).toHaveLength(5_000);
    expect(subject.nodes.get('10.0.20.20:1')).toBe(survivor);
  });
});

describe('who is eligible', () => {
  it('a node that is ready or not connected yet; not one that is connecting, lost, ill, draining or has weight 0', () => {
    const { subject } = cluster({ panicThreshold: 0 });
    subject.apply([
      ...endpoints(1, 2, 3, 4, 5),
      resolveEndpoint({ host: 'h', port: 6, draining: true }),
      resolveEndpoint({ host: 'h', port: 7, weight: 0 }),
    ]);
    const [ready, , connecting, lost, ill, draining] = all(subject) as [Node, Node, Node, Node, Node, Node];
    ready.setConnection('connected', 'connected');
    connecting.setConnection('connecting', 'first time');
    lost.setConnection('disconnected', 'ECONNREFUSED');
    ill.setConnection('connected', 'connected');
    ill.setProbe('unhealthy', 'no answer');
    draining.setConnection('connected', 'connected');
    expect(picks(subject)).toEqual(new Set(['h:1', 'h:2']));
    expect(draining.status).toBe('draining');
  });

  it('with probes on, a connection alone does not admit a node: its first answer does', () => {
    const { subject, log } = cluster({ probed: true });
    subject.apply(endpoints(1));
    const [node] = all(subject) as [Node];
    node.setConnection('connecting', 'first time');
    node.setConnection('connected', 'connected');
    expect(subject.available).toBe(false);
    expect(subject.connecting).toBe(true);
    node.setProbe('healthy', 'answered');
    expect(subject.available).toBe(true);
    expect(log.slice(1)).toEqual(['h:1 idle → connecting', 'h:1 connecting → ready']);
  });

  it('a node that was ready and connects again waits for its probe, and nobody waits for it', () => {
    const { subject } = cluster({ probed: true });
    subject.apply(endpoints(1));
    const [node] = all(subject) as [Node];
    node.setConnection('connected', 'connected');
    node.setProbe('healthy', 'answered');
    node.setConnection('disconnected', 'ECONNRESET');
    node.setConnection('connected', 'connected');
    expect(node.status).toBe('disconnected');
    expect(subject.connecting).toBe(false);
    node.setProbe('healthy', 'answered');
    expect(node.status).toBe('ready');
  });

  it('discovery outranks connection, and connection outranks probe', () => {
    const { subject } = cluster();
    subject.apply(endpoints(1));
    const [node] = all(subject) as [Node];
    node.setConnection('connected', 'connected');
    node.setProbe('unhealthy', 'no answer');
    expect(node.status).toBe('unhealthy');
    node.setConnection('disconnected', 'reset');
    expect(node.status).toBe('disconnected');
    subject.apply([resolveEndpoint({ host: 'h', port: 1, draining: true })]);
    expect(node.status).toBe('draining');
  });

  it('since tells when the status last changed, not the reason', () => {
    const { subject, advance } = cluster();
    subject.apply(endpoints(1));
    const [node] = all(subject) as [Node];
    advance(100);
    node.setConnection('disconnected', 'ECONNREFUSED');
    advance(100);
    node.setConnection('disconnected', 'ETIMEDOUT');
    expect(node.snapshot()).toMatchObject({
      status: 'disconnected',
      reason: 'ETIMEDOUT',
      since: new Date(100),
    });
  });
});

describe('panic', () => {
  function halfIll(panicThreshold: number) {
    const { subject, log } = cluster({ panicThreshold });
    subject.apply(endpoints(1, 2, 3, 4));
    for (const node of all(subject)) node.setConnection('connected', 'connected');
    const [, b, c, d] = all(subject) as [Node, Node, Node, Node];
    b.setProbe('unhealthy', 'x');
    c.setProbe('unhealthy', 'x');
    log.length = 0;
    return { subject, log, d, b };
  }

  it('below the threshold of healthy nodes, health is ignored and that is told', () => {
    const { subject, log, d, b } = halfIll(50);
    expect(picks(subject)).toEqual(new Set(['h:1', 'h:4']));
    d.setProbe('unhealthy', 'x');
    expect(picks(subject)).toEqual(new Set(['h:1', 'h:2', 'h:3', 'h:4']));
    expect(log).toContain('panic true 1/4');
    b.setProbe('healthy', 'x');
    expect(picks(subject)).toEqual(new Set(['h:1', 'h:2']));
    expect(log).toContain('panic false 2/4');
  });

  it('does not bring back nodes that have no connection', () => {
    const { subject, d, b } = halfIll(50);
    b.setConnection('disconnected', 'reset');
    d.setProbe('unhealthy', 'x');
    expect(picks(subject)).toEqual(new Set(['h:1', 'h:3', 'h:4']));
  });

  it('is not brought about by nodes that have yet to join', () => {
    const { subject } = cluster();
    subject.apply(endpoints(1, 2, 3, 4, 5));
    for (const node of all(subject)) node.setConnection('connected', 'connected');
    all(subject)[4]!.setProbe('unhealthy', 'x');
    subject.apply(endpoints(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    for (const node of all(subject).slice(5)) node.setConnection('connecting', 'connecting');
    expect(subject.panic).toBe(false);
    expect(picks(subject)).toEqual(new Set(['h:1', 'h:2', 'h:3', 'h:4']));
  });

  it('never happens with threshold 0', () => {
    const { subject, d } = halfIll(0);
    d.setProbe('unhealthy', 'x');
    expect(picks(subject)).toEqual(new Set(['h:1']));
  });
});

describe('a call that has been tried', () => {
  it('goes to a node that it has not been tried on while there is one', () => {
    const { subject } = cluster();
    subject.apply(endpoints(1, 2, 3, 4, 5));
    const nodes = all(subject);
    for (let left = 4; left >= 1; left--) {
      const tried = new Set(nodes.slice(0, 5 - left));
      for (let i = 0; i < 50; i++) expect(tried.has(subject.pick({ pattern: 'p', tried })!)).toBe(false);
    }
    expect(nodes).toContain(subject.pick({ pattern: 'p', tried: new Set(nodes) }));
  });
});

describe('a node that leaves', () => {
  it('winds down: it is told when its last call has ended', () => {
    const { subject } = cluster();
    subject.apply(endpoints(1));
    const [node] = all(subject) as [Node];
    let idle = 0;
    node.begin();
    node.begin();
    node.whenIdle(() => idle++);
    node.end('answered', 5);
    expect(idle).toBe(0);
    node.end('lost', 5);
    expect(idle).toBe(1);
  });
});

describe('load', () => {
  it('counts calls, failures and latency; a cancelled call is no failure and an event has no latency', () => {
    const { subject } = cluster();
    subject.apply(endpoints(1));
    const [node] = all(subject) as [Node];
    for (const outcome of ['answered', 'lost', 'cancelled', 'sent', 'timed-out', 'refused'] as const) {
      node.begin();
      node.end(outcome, 40);
    }
    expect(node.snapshot()).toMatchObject({ calls: 6, failures: 3, latency: 40, inFlight: 0 });
    node.begin();
    node.end('answered', 140);
    expect(node.latency).toBeCloseTo(50);
  });
});

describe('the status of a service', () => {
  const discovery = {
    target: 'static:///…',
    state: 'ok',
    lastSuccess: undefined,
    age: undefined,
    error: undefined,
    warning: undefined,
    targets: [],
  } as const;

  it.each([
    [[1, 1], 2, 'up'],
    [[0, 1], 1, 'up'],
    [[0, 0], 0, 'down'],
  ] as const)('with nodes of weight %j: %i take calls, so it is %s', (weights, ready, status) => {
    const { subject } = cluster();
    subject.apply(weights.map((weight, i) => resolveEndpoint({ host: 'h', port: i + 1, weight })));
    for (const node of all(subject)) node.setConnection('connected', 'connected');
    expect(snapshotService('orders', 1, subject, discovery)).toMatchObject({ ready, total: 2, status });
    expect(subject.available).toBe(ready > 0);
  });
});
