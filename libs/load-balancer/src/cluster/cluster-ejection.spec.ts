import { describe, expect, it } from '@jest/globals';
import { RoundRobin } from '../strategies/round-robin.js';
import { seededRandom } from '../testing/seeded-random.js';
import type { AttemptOutcome } from './attempt-record.js';
import { Cluster } from './cluster.js';
import { resolveEjectionPolicy } from './ejection/ejection-policy.js';
import type { OutlierDetectionOptions } from './ejection/ejection-policy.js';
import { resolveEndpoint } from './endpoint.js';
import type { ClusterNode } from './node.js';
import { snapshotService } from './service-snapshot.js';
import { SlowStart } from './slow-start.js';

interface Options extends OutlierDetectionOptions {
  panicThreshold?: number;
  slowStart?: boolean;
}

const call = { pattern: 'p', tried: undefined };

/** Connected nodes `h:1` to `h:<count>`, in virtual time. */
function cluster(count: number, { panicThreshold = 50, slowStart = false, ...options }: Options = {}) {
  const log: string[] = [];
  const random = seededRandom(1);
  let time = 1_000_000;
  const clock = { now: () => time, wall: () => time };
  const roundRobin = new RoundRobin<ClusterNode<undefined>>({ random, now: clock.now });
  const subject = new Cluster<undefined>(
    {
      strategy: slowStart ? new SlowStart(roundRobin, { random, now: clock.now }) : roundRobin,
      panicThreshold,
      probed: false,
      ejection: resolveEjectionPolicy(options),
      clock,
      random,
    },
    {
      onAdded: () => undefined,
      onRemoved: () => undefined,
      onStatus: (node, from) => log.push(`${node.key} ${from} → ${node.status}`),
      onPanic: (active, healthy, total) => log.push(`panic ${active} ${healthy}/${total}`),
      onEjected: (node, reason, until) => log.push(`${node.key} out until ${+until}: ${reason}`),
      onTrial: (node) => log.push(`${node.key} may be tried`),
      onReturned: (node) => log.push(`${node.key} is back`),
    },
  );
  const resolve = (size: number): void => {
    subject.apply(Array.from({ length: size }, (_, i) => resolveEndpoint({ host: 'h', port: i + 1 })));
    for (const { key } of [...subject.nodes.values()].filter(({ status }) => status === 'idle'))
      node(key).setConnection('connected', 'connected');
  };
  const node = (key: string): ClusterNode<undefined> => subject.nodes.get(key)!;
  const ends = (key: string, outcome: AttemptOutcome, times = 1): void => {
    for (let i = 0; i < times; i++) {
      node(key).begin();
      node(key).end(outcome, 1);
    }
  };
  const advance = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      time += 1_000;
      subject.upkeep();
    }
  };
  const picks = (times = 1_000): Map<string, number> => {
    const counts = new Map<string, number>();
    for (let i = 0; i < times; i++) {
      const { key } = subject.pick(call)!;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  };
  resolve(count);
  log.length = 0;
  return { subject, log, node, ends, advance, picks, resolve };
}

const statuses = (subject: Cluster<undefined>): string[] =>
  [...subject.nodes.values()].map(({ status }) => status);

describe('an ejected node', () => {
  it('takes no calls until one has tried it', () => {
    const { node, ends, advance, picks, log, subject } = cluster(3);
    ends('h:2', 'timed-out', 4);
    expect(node('h:2').status).toBe('ready');
    ends('h:2', 'timed-out');
    const reason = '5 calls in a row failed, the last one timed out';
    expect(log).toEqual(['h:2 ready → ejected', `h:2 out until 1030000: ${reason}`]);
    expect(node('h:2').snapshot()).toMatchObject({
      status: 'ejected',
      reason,
      ejectedUntil: new Date(1_030_000),
    });
    expect([...picks().keys()].sort()).toEqual(['h:1', 'h:3']);
    advance(29_000);
    expect(picks().has('h:2')).toBe(false);

    log.length = 0;
    advance(1_000);
    expect(log).toEqual(['h:2 may be tried']);
    const trial = subject.pick(call)!;
    expect(trial.key).toBe('h:2');
    trial.begin();
    expect(picks().has('h:2')).toBe(false);
    trial.end('answered', 1);
    expect(log.slice(1)).toEqual(['h:2 ejected → ready', 'h:2 is back']);
    expect(node('h:2').snapshot().ejectedUntil).toBeUndefined();
    expect(picks().size).toBe(3);
  });

  it('is out again, for longer, when its trial fails', () => {
    const { node, ends, advance, log } = cluster(3);
    ends('h:1', 'timed-out', 5);
    advance(30_000);
    log.length = 0;
    ends('h:1', 'timed-out');
    expect(log).toEqual(['h:1 out until 1090000: its trial call timed out']);
    expect(node('h:1').status).toBe('ejected');
  });

  it('is not tried with a call that has failed elsewhere', () => {
    const { subject, node, ends, advance } = cluster(3);
    ends('h:1', 'timed-out', 5);
    advance(30_000);
    const retry = { ...call, tried: new Set([node('h:2')]) };
    for (let i = 0; i < 100; i++) expect(subject.pick(retry)?.key).toBe('h:3');
    expect(subject.pick(call)?.key).toBe('h:1');
  });

  it('is not tried while it is full, has no connection or weight', () => {
    const { subject, node, ends, advance, picks } = cluster(3);
    ends('h:1', 'timed-out', 5);
    advance(30_000);
    node('h:1').setConnection('disconnected', 'gone');
    expect(picks().has('h:1')).toBe(false);
    node('h:1').setConnection('connected', 'back');
    expect(node('h:1').status).toBe('ejected');
    const light = { host: 'h', port: 1, weight: 0 };
    subject.apply(
      [light, { host: 'h', port: 2 }, { host: 'h', port: 3 }].map((each) => resolveEndpoint(each)),
    );
    expect(picks().has('h:1')).toBe(false);
  });

  it('gives way to what weighs more: draining, connection, probe', () => {
    const { node, ends } = cluster(3);
    ends('h:1', 'timed-out', 5);
    node('h:1').setProbe('unhealthy', 'no answer');
    expect(node('h:1').status).toBe('unhealthy');
    node('h:1').setGoingAway();
    expect(node('h:1').status).toBe('draining');
    node('h:1').setConnection('disconnected', 'gone');
    expect(node('h:1').status).toBe('disconnected');
    node('h:1').setConnection('idle', 'not needed');
    expect(node('h:1').status).toBe('ejected');
  });

  it('makes the service degraded', () => {
    const { subject, ends } = cluster(3);
    ends('h:1', 'timed-out', 5);
    const discovery = {
      target: 't',
      state: 'ok',
      lastSuccess: undefined,
      age: undefined,
      error: undefined,
      warning: undefined,
      targets: [],
    } as const;
    expect(snapshotService('s', 1, subject, discovery)).toMatchObject({ status: 'degraded', ready: 2 });
  });
});

describe('what is held against a node', () => {
  it('is no answer, refusal or cancellation', () => {
    const { node, ends } = cluster(3);
    for (const outcome of ['answered', 'rejected', 'refused', 'cancelled', 'sent'] as const)
      ends('h:1', outcome, 50);
    expect(node('h:1').status).toBe('ready');
  });

  it('is, of the calls that are lost with one connection, one', () => {
    const { node, ends } = cluster(3);
    for (let crash = 1; crash <= 5; crash++) {
      expect(node('h:1').status).toBe('ready');
      ends('h:1', 'lost', 64);
      node('h:1').setConnection('disconnected', 'gone');
      node('h:1').setConnection('connected', 'back');
    }
    expect(node('h:1').status).toBe('ejected');
  });

  it('is a failure rate that stands out from the others', () => {
    const { subject, ends, advance } = cluster(6);
    for (let i = 0; i < 60; i++) {
      for (const key of subject.nodes.keys()) ends(key, 'answered', 2);
      ends('h:4', 'timed-out');
    }
    advance(9_000);
    expect(statuses(subject)).not.toContain('ejected');
    advance(1_000);
    expect(statuses(subject)).toEqual(['ready', 'ready', 'ready', 'ejected', 'ready', 'ready']);
  });
});

describe('however ill all nodes are', () => {
  it.each([
    [1, 10, 1],
    [10, 10, 1],
    [20, 10, 2],
    [10, 30, 3],
    [10, 0, 0],
  ])('of %d nodes at most %d %% are out, but one may always be', (count, maxEjectionPercent, most) => {
    const { subject, ends } = cluster(count, { maxEjectionPercent });
    for (const key of subject.nodes.keys()) ends(key, 'timed-out', 20);
    expect(statuses(subject).filter((status) => status === 'ejected')).toHaveLength(most);
  });

  it('has room for another one once an ejected node has left', () => {
    const { subject, ends, resolve } = cluster(3);
    ends('h:3', 'timed-out', 5);
    resolve(2);
    ends('h:1', 'timed-out', 5);
    expect(statuses(subject)).toEqual(['ejected', 'ready']);
  });

  it('ejected nodes are used, too, when too few are healthy', () => {
    const { subject, ends, picks, log } = cluster(3, { maxEjectionPercent: 100 });
    ends('h:1', 'timed-out', 5);
    expect(picks().size).toBe(2);
    ends('h:2', 'timed-out', 5);
    log.length = 0;
    expect(picks().size).toBe(3);
    expect(log).toEqual(['panic true 1/3']);
    expect(subject.panic).toBe(true);
  });

  it('a call finds the only node when that waits for its trial', () => {
    const { subject, ends, advance } = cluster(1, { panicThreshold: 0 });
    ends('h:1', 'timed-out', 5);
    expect(subject.pick(call)).toBeUndefined();
    advance(30_000);
    expect(subject.pick(call)?.key).toBe('h:1');
  });
});

describe('the slow start', () => {
  const share = (counts: Map<string, number>, key: string): number => (counts.get(key) ?? 0) / 1_000;

  it('is for nodes that come back or join, not for those that were there from the start', () => {
    const { node, ends, advance, picks, resolve } = cluster(4, { slowStart: true });
    expect([...picks().values()]).toEqual([250, 250, 250, 250]);
    ends('h:1', 'timed-out', 5);
    advance(30_000);
    ends('h:1', 'answered');
    expect(node('h:1').status).toBe('ready');
    expect(share(picks(), 'h:1')).toBeLessThan(0.05);
    advance(15_000);
    expect(Math.abs(share(picks(), 'h:1') - 0.125)).toBeLessThan(0.04);
    advance(15_000);
    expect(share(picks(), 'h:1')).toBe(0.25);
    resolve(5);
    expect(share(picks(), 'h:5')).toBeLessThan(0.05);
  });

  it('leaves alone a node whose connection was only not needed for a while', () => {
    const { node, picks } = cluster(4, { slowStart: true });
    for (const state of ['idle', 'connecting', 'connected'] as const) node('h:1').setConnection(state, '');
    expect(share(picks(), 'h:1')).toBe(0.25);
  });
});

describe('the probes of an ejected node', () => {
  it('bring it back when they had failed, too, also over another connection', () => {
    const { node, ends } = cluster(4);
    ends('h:1', 'timed-out', 5);
    node('h:1').setProbe('unhealthy', 'silent');
    node('h:1').setConnection('disconnected', 'reset');
    node('h:1').setConnection('connected', 'connected');
    node('h:1').setProbe('healthy', 'answered');
    expect(node('h:1').status).toBe('ready');
  });

  it('say nothing when they never failed', () => {
    const { node, ends } = cluster(4);
    ends('h:1', 'timed-out', 5);
    node('h:1').setProbe('healthy', 'answered');
    expect(node('h:1').status).toBe('ejected');
  });
});
