import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { resolveEjectionPolicy, type OutlierDetectionOptions } from './ejection-policy.js';
import { OutlierDetector, type EjectionRecord } from './outlier-detector.js';

function detecting(count: number, options: OutlierDetectionOptions = {}) {
  const changes: string[] = [];
  const detector = new OutlierDetector<number>(resolveEjectionPolicy(options), ({ node, state }) =>
    changes.push(`${node} ${state.kind}`),
  );
  const records = Array.from({ length: count }, (_, i) => detector.add(i));
  const answer = (record: EjectionRecord<number>, times: number, latency = 10): void => {
    for (let i = 0; i < times; i++) detector.ended(record, 'answered', latency, 0);
  };
  const fail = (record: EjectionRecord<number>, times: number, now = 0): void => {
    for (let i = 0; i < times; i++) detector.ended(record, 'timed-out', 10, now);
  };
  /** Mixes successes and failures so that no five failures come in a row. */
  const mix = (record: EjectionRecord<number>, successes: number, failures: number): void => {
    const every = Math.max(1, Math.floor(failures / Math.max(1, successes)));
    let left = failures;
    for (let i = 0; i < successes; i++) {
      const now = Math.min(every, left, 4);
      fail(record, now);
      left -= now;
      answer(record, 1);
    }
  };
  const out = (): number[] => records.filter(({ state }) => state.kind === 'ejected').map(({ node }) => node);
  return { detector, records, changes, answer, fail, mix, out };
}

describe('ejection by failures in a row', () => {
  it('takes a node out at the fifth, and says why', () => {
    const { records, fail, out } = detecting(3);
    fail(records[1]!, 4);
    expect(out()).toEqual([]);
    fail(records[1]!, 1);
    expect(out()).toEqual([1]);
    expect(records[1]!.state).toMatchObject({
      reason: '5 calls in a row failed, the last one timed out',
      until: 30_000,
    });
  });

  it('begins anew with each answer, be it an error of the application', () => {
    const { records, fail, answer, out } = detecting(3);
    for (let i = 0; i < 10; i++) {
      fail(records[0]!, 4);
      answer(records[0]!, 1);
    }
    expect(out()).toEqual([]);
  });

  it('begins anew with an event that was handed over, since a node may get nothing else', () => {
    const { detector, records, fail, out } = detecting(3);
    for (let lost = 0; lost < 6; lost++) {
      for (let event = 0; event < 100; event++) detector.ended(records[0]!, 'sent', 1, 0);
      fail(records[0]!, 1);
    }
    expect(out()).toEqual([]);
  });

  it('counts over sweeps', () => {
    const { detector, records, fail, out } = detecting(3);
    fail(records[0]!, 3);
    detector.sweep(10_000);
    fail(records[0]!, 2);
    expect(out()).toEqual([0]);
  });

  it('counts those of one cause once: a single restart is no row', () => {
    const { detector, records, fail, out } = detecting(3);
    for (let i = 0; i < 60; i++) detector.ended(records[0]!, 'lost', 10, 0, i > 0);
    expect(out()).toEqual([]);
    fail(records[0]!, 4);
    expect(out()).toEqual([0]);
  });

  it('forgets a row that went on too long ago', () => {
    const { records, fail, out } = detecting(3);
    fail(records[0]!, 4, 0);
    fail(records[0]!, 4, 300_001);
    expect(out()).toEqual([]);
    fail(records[0]!, 1, 300_002);
    expect(out()).toEqual([0]);
  });

  it('begins anew with the first part of an answer that goes on', () => {
    const { detector, records, fail, out } = detecting(3);
    fail(records[0]!, 4);
    detector.heard(records[0]!);
    fail(records[0]!, 4);
    expect(out()).toEqual([]);
  });

  it('does not take out a node that is overloaded and says so, nor for calls that were given up or never sent', () => {
    const { detector, records, out } = detecting(3);
    for (const outcome of ['refused', 'rejected', 'cancelled', 'sent'] as const) {
      for (let i = 0; i < 20; i++) detector.ended(records[0]!, outcome, 1, 0);
    }
    expect(out()).toEqual([]);
  });
});

describe('ejection by statistics', () => {
  it('takes out the node whose success rate is 1.9 σ below the mean', () => {
    const { detector, records, mix, answer, out } = detecting(6);
    for (const record of records.slice(1)) answer(record, 200);
    mix(records[0]!, 150, 50);
    detector.sweep(10_000);
    expect(out()).toEqual([0]);
    expect(records[0]!.state).toMatchObject({ reason: '75 % of its calls succeeded, of all nodes 95.8 %' });
  });

  it('leaves nodes alone that fail alike', () => {
    const { detector, records, mix, out } = detecting(6);
    for (const record of records) mix(record, 100, 100);
    detector.sweep(10_000);
    expect(out()).toEqual([]);
  });

  it('leaves a node alone that fails hardly more often than the others', () => {
    const { detector, records, mix, answer, out } = detecting(6);
    for (const record of records.slice(1)) answer(record, 200);
    mix(records[0]!, 192, 8);
    detector.sweep(10_000);
    expect(out()).toEqual([]);
  });

  it('has no opinion with fewer than five nodes, or with fewer than 100 calls of each', () => {
    for (const [nodes, calls] of [
      [4, 1_000],
      [10, 90],
    ] as const) {
      const { detector, records, mix, answer, out } = detecting(nodes, { failurePercentage: false });
      for (const record of records.slice(1)) answer(record, calls);
      mix(records[0]!, calls / 2, calls / 2);
      detector.sweep(10_000);
      expect(out()).toEqual([]);
    }
  });

  it('takes out nodes that fail more often than 85 %, even if half of them do', () => {
    const { detector, records, answer, fail, out } = detecting(6, {
      consecutiveFailures: false,
      maxEjectionPercent: 100,
    });
    for (const record of records.slice(3)) answer(record, 100);
    for (const record of records.slice(0, 3)) fail(record, 100);
    detector.sweep(10_000);
    expect(out()).toEqual([0, 1, 2]);
  });

  it('takes out the slow one when asked to, and only then', () => {
    for (const latency of [{}, false, undefined]) {
      const { detector, records, answer, out } = detecting(6, latency === undefined ? {} : { latency });
      for (const record of records.slice(1)) answer(record, 60, 30);
      answer(records[0]!, 60, 400);
      detector.sweep(10_000);
      expect(out()).toEqual(typeof latency === 'object' ? [0] : []);
    }
  });

  it('ejects once a node that stands out in two ways', () => {
    const { detector, records, fail, answer, changes } = detecting(8, { consecutiveFailures: false });
    for (const record of records.slice(1)) answer(record, 200);
    fail(records[0]!, 200);
    detector.sweep(10_000);
    expect(changes).toEqual(['0 ejected']);
    expect(records[0]!.state).toMatchObject({ multiplier: 1 });
  });

  it('does not count what was before the last sweep', () => {
    const { detector, records, mix, answer, out } = detecting(6);
    for (const record of records) answer(record, 99);
    detector.sweep(10_000);
    for (const record of records.slice(1)) answer(record, 60);
    mix(records[0]!, 30, 30);
    detector.sweep(20_000);
    expect(out()).toEqual([]);
  });
});

describe('the share of nodes that may be out', () => {
  it.each([
    [1, 1],
    [5, 1],
    [10, 1],
    [11, 2],
    [100, 10],
  ])('of %d nodes is %d, by default', (count, most) => {
    const { records, fail, out } = detecting(count);
    for (const record of records) fail(record, 5);
    expect(out()).toHaveLength(most);
  });

  it('has room again for another one when a node leaves or recovers', () => {
    const { detector, records, fail, answer, out } = detecting(10);
    fail(records[0]!, 5);
    fail(records[1]!, 5);
    expect(out()).toEqual([0]);
    detector.remove(records[0]!);
    fail(records[1]!, 1);
    expect(out()).toContain(1);
    detector.release(30_000);
    answer(records[1]!, 1);
    fail(records[2]!, 5, 30_000);
    expect(records[2]!.state.kind).toBe('ejected');
    expect(detector.ejected).toBe(1);
  });
});

describe('the trial of an ejected node', () => {
  const anyNode = (): boolean => true;

  it('is one call, when its time is over', () => {
    const { detector, records, fail, answer } = detecting(3);
    fail(records[0]!, 5);
    detector.release(29_999);
    expect(detector.trial(anyNode)).toBeUndefined();
    detector.release(30_000);
    expect(detector.trial(anyNode)).toBe(0);
    detector.began(records[0]!);
    expect(detector.trial(anyNode)).toBeUndefined();
    answer(records[0]!, 1);
    expect(records[0]!.state.kind).toBe('admitted');
    expect(detector.ejected).toBe(0);
  });

  it('waits while the node cannot take it', () => {
    const { detector, records, fail } = detecting(3);
    fail(records[0]!, 5);
    detector.release(30_000);
    expect(detector.trial(() => false)).toBeUndefined();
    expect(detector.trial(anyNode)).toBe(0);
  });

  it('that fails takes it out for twice as long', () => {
    const { detector, records, fail } = detecting(3);
    fail(records[0]!, 5);
    detector.release(30_000);
    detector.began(records[0]!);
    fail(records[0]!, 1, 30_000);
    expect(records[0]!.state).toMatchObject({ kind: 'ejected', until: 90_000 });
    expect(detector.trial(anyNode)).toBeUndefined();
  });

  it('that was cancelled is made again, a second later', () => {
    const { detector, records, fail } = detecting(3);
    fail(records[0]!, 5);
    detector.release(30_000);
    detector.began(records[0]!);
    detector.ended(records[0]!, 'cancelled', 1, 30_001);
    expect(detector.trial(anyNode)).toBeUndefined();
    detector.release(31_000);
    expect(detector.trial(anyNode)).toBe(0);
  });

  it.each(['the first part of a stream', 'an event that was handed over'])('is passed with %s', (what) => {
    const { detector, records, fail } = detecting(3);
    fail(records[0]!, 5);
    detector.release(30_000);
    detector.began(records[0]!);
    if (what.includes('stream')) detector.heard(records[0]!);
    else detector.ended(records[0]!, 'sent', 1, 30_001);
    expect(records[0]!.state.kind).toBe('admitted');
  });

  it('is not given to a node that has left', () => {
    const { detector, records, fail } = detecting(3);
    fail(records[0]!, 5);
    detector.release(30_000);
    detector.remove(records[0]!);
    expect(detector.trial(anyNode)).toBeUndefined();
    expect(detector.ejected).toBe(0);
  });
});

it('takes no node out when none may be', () => {
  const { records, fail, out } = detecting(20, { maxEjectionPercent: 0 });
  for (const record of records) fail(record, 10);
  expect(out()).toEqual([]);
});

it('takes an option of a check that is undefined for left out', () => {
  const checks = {
    successRate: { deviations: undefined, minimumNodes: undefined, minimumRequests: undefined },
    failurePercentage: { threshold: undefined, minimumNodes: undefined, minimumRequests: undefined },
    latency: { factor: undefined, tolerated: undefined, minimumNodes: undefined, minimumRequests: undefined },
  };
  // Options may come from JavaScript, and the validation takes them so.
  expect(resolveEjectionPolicy(checks as unknown as OutlierDetectionOptions)).toEqual(
    resolveEjectionPolicy({ latency: {} }),
  );
});

it('never has more nodes out than allowed, and its count is right, whatever happens', () => {
  const step = fc.record({
    node: fc.nat(19),
    what: fc.constantFrom(
      'fail' as const,
      'answer' as const,
      'sweep' as const,
      'try' as const,
      'leave' as const,
    ),
    after: fc.nat(20_000),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 0, max: 100 }),
      (steps, maxEjectionPercent) => {
        const { detector, records, answer, fail } = detecting(20, {
          maxEjectionPercent,
          consecutiveFailures: 1,
        });
        const left = new Set<number>();
        let now = 0;
        for (const { node, what, after } of steps) {
          now += after;
          if (what === 'fail') fail(records[node]!, 1, now);
          else if (what === 'answer') answer(records[node]!, 1);
          else if (what === 'sweep') detector.sweep(now);
          else if (what === 'try') detector.began(records[detector.trial(() => true) ?? node]!);
          else {
            detector.remove(records[node]!);
            left.add(node);
          }
          const out = records.filter((record) => !left.has(record.node) && record.state.kind !== 'admitted');
          expect(detector.ejected).toBe(out.length);
          if (left.size === 0) expect(out.length).toBeLessThanOrEqual(Math.ceil(maxEjectionPercent / 5));
        }
      },
    ),
    { numRuns: 60 },
  );
});
