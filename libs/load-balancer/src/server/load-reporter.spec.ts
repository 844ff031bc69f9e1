import { describe, expect, it } from '@jest/globals';
import { LoadReporter } from './load-reporter.js';
import type { LoadSignal } from '../resilience/concurrency-limit.js';
import { Workload, type EndedMessage } from './workload.js';

function reporter(figures?: () => unknown) {
  const errors: unknown[] = [];
  const workload = new Workload();
  const load = new LoadReporter(workload, figures as never, {
    error: (...args: unknown[]) => errors.push(args),
  });
  return { load, workload, errors };
}

function ended({
  cost = 1,
  among = 1,
  failed = false,
  latency = 1,
  signal = 'answered' as LoadSignal,
}): EndedMessage {
  return { cost, among, failed, latency: () => latency, loadSignal: () => signal };
}

describe('LoadReporter', () => {
  it('tells what is in flight now, and the latency that the next request is to expect', () => {
    const { load, workload } = reporter();
    const first = workload.start(3);
    expect(load.report(0)).toMatchObject({ inFlight: 3, latency: undefined });
    const second = workload.start(1);
    expect(load.report(1).inFlight).toBe(4);
    workload.end(ended({ cost: 3, among: first, latency: 16 }), 2);
    // The next request would be the second again.
    expect(load.report(10)).toMatchObject({ inFlight: 1, latency: 16 });
    workload.end(ended({ among: second, latency: 32, signal: 'dropped' }), 12);
    workload.start(3);
    expect(load.report(20)).toMatchObject({ inFlight: 3, latency: 32 });
  });

  it('tells how many requests it answers a second, and which share of them with an error', () => {
    const { load, workload } = reporter();
    expect(load.report(0)).toMatchObject({ rate: 0, errorRate: undefined });
    for (let i = 0; i < 50; i++) {
      const among = workload.start(1);
      const signal = i < 40 ? 'answered' : 'ignored';
      workload.end(ended({ among, failed: i % 10 === 0, signal }), 100 * i);
    }
    expect(load.report(5_000)).toMatchObject({ rate: 4, errorRate: 0.1 });
    expect(load.report(30_000)).toMatchObject({ rate: 0, errorRate: undefined });
  });

  it('asks for the user’s figures once in 5 ms', () => {
    let asked = 0;
    const { load } = reporter(() => ({ asked: ++asked }));
    for (const now of [0, 1, 4.9, 5, 6, 11]) load.report(now);
    expect(asked).toBe(3);
  });

  it('takes of the user’s figures those that are some, and not too many', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`f${n}`, n]));
    const { custom } = reporter(() => many).load.report(0);
    expect(Object.keys(custom!)).toHaveLength(32);
    const odd = { ok: 1, nan: NaN, text: '1', 'no name': 2, ['__proto__']: 3, constructor: 4 };
    expect(reporter(() => odd).load.report(0).custom).toEqual({ ok: 1 });
  });

  it.each([undefined, null, 5, 'x', [1], Promise.resolve({ a: 1 })])(
    'takes no figures from %p',
    (figures) => {
      expect(reporter(() => figures).load.report(0).custom).toBeUndefined();
    },
  );

  it('goes on without figures that throw, and complains once', () => {
    const { load, errors } = reporter(() => {
      throw new Error('pool is gone');
    });
    expect(load.report(0)).toMatchObject({ inFlight: 0, custom: undefined });
    load.report(10);
    expect(errors).toHaveLength(1);
    expect(String(errors[0])).toContain('pool is gone');
  });
});
