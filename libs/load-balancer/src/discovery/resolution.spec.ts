import { beforeEach, describe, expect, it } from '@jest/globals';
import { concat, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import type { ResolvedEndpoint } from '../cluster/endpoint.js';
import { VirtualTime, WALL } from '../testing/virtual-time.js';
import { Resolution } from './resolution.js';
import type { Resolver, Target } from './resolver.js';
import { parseTarget } from './target.js';

let time: VirtualTime;
let sets: string[][];
let failures: string[];
let recoveries: number;
let warnings: string[];

beforeEach(() => {
  time = new VirtualTime();
  sets = [];
  failures = [];
  recoveries = 0;
  warnings = [];
});

function resolution(
  watch: (refresh: Observable<void>) => unknown,
  more: Partial<Resolver> = {},
  uri = 'db:///orders',
): Resolution {
  const target = parseTarget(uri) as { value: Target };
  const resolver = {
    schemes: ['db'],
    ...more,
    watch: (_: Target, refresh: Observable<void>) => watch(refresh),
  };
  const made = new Resolution(
    { target: target.value, resolver: resolver as Resolver },
    {
      onEndpoints: (endpoints: readonly ResolvedEndpoint[]) => sets.push(endpoints.map(({ host }) => host)),
      onRecovered: () => recoveries++,
      onFailure: (reason) => failures.push(reason),
      onWarning: (warning) => warnings.push(warning),
    },
    time.deps,
  );
  made.start();
  return made;
}

describe('Resolution', () => {
  it('hands on each set with its defaults filled in, and knows when', () => {
    const nodes = new Subject<unknown>();
    const subject = resolution(() => nodes);
    expect(subject.snapshot()).toEqual({
      target: 'db:///orders',
      state: 'starting',
      lastSuccess: undefined,
      age: undefined,
      error: undefined,
      warning: undefined,
      nodes: 0,
    });
    time.advance(5);
    nodes.next(['a:1', { host: 'b', port: 2 }]);
    expect(sets).toEqual([['a', 'b']]);
    expect(subject.snapshot()).toMatchObject({
      state: 'ok',
      lastSuccess: new Date(WALL + 5),
      error: undefined,
    });
  });

  it.each([
    ['an empty set', [], 'the target gave no usable node'],
    [
      'a set with nothing usable',
      [{ host: 'h', port: 0 }],
      'the target gave no usable node (#0 port: port out of range: 0 (1–65535))',
    ],
    ['a failure', { failure: 'no such file' }, 'no such file'],
    ['undefined', undefined, 'expected a list of nodes, got undefined'],
    ['an object', { nodes: [] }, 'expected a list of nodes, got an object'],
    ['text', 'a:1', 'expected a list of nodes, got "a:1"'],
  ])('keeps the last good set when the resolver emits %s, and recovers', (_, emitted, reason) => {
    const nodes = new Subject<unknown>();
    const subject = resolution(() => nodes);
    nodes.next(['a:1']);
    nodes.next(emitted);
    expect(sets).toEqual([['a']]);
    expect(failures).toEqual([reason]);
    expect(subject.snapshot()).toMatchObject({
      state: 'failing',
      lastSuccess: new Date(WALL),
      error: reason,
    });
    nodes.next(['b:1']);
    expect(sets).toEqual([['a'], ['b']]);
    expect(subject.snapshot()).toMatchObject({ state: 'ok', error: undefined });
  });

  it('fails, not waits, when the first set is empty', () => {
    const subject = resolution(() => concat(of([]), NEVER));
    expect(subject.snapshot()).toMatchObject({ state: 'failing', error: 'the target gave no usable node' });
  });

  it('uses the good part of a set and warns of each thing once, however often it comes back', () => {
    const nodes = new Subject<unknown>();
    const subject = resolution(() => nodes);
    nodes.next(['a:1', 'b']);
    nodes.next(['a:1', 'b']);
    nodes.next(['a:1', 'c:0']);
    nodes.next(['a:1']);
    nodes.next(['a:1', 'b']);
    expect(sets).toEqual([['a']]);
    expect(subject.snapshot().state).toBe('ok');
    expect(warnings.map((warning) => warning.slice(0, 26))).toEqual([
      '#1: expected a port after ',
      '#1: port out of range: 0 (',
    ]);
  });

  it('shows what is wrong with the set in force for as long as it is in force', () => {
    const nodes = new Subject<unknown>();
    const subject = resolution(() => nodes);
    const warning = () => subject.snapshot().warning;
    expect(warning()).toBeUndefined();
    nodes.next({ nodes: ['a:1'], warning: 'half of it timed out' });
    expect(warning()).toBe('half of it timed out');
    nodes.next({ failure: 'refused' });
    expect(warning()).toBe('half of it timed out');
    nodes.next(['a:1']);
    expect(warning()).toBeUndefined();
  });

  it('uses what there is of a set that is not whole, and says once what is missing', () => {
    const nodes = new Subject<unknown>();
    const subject = resolution(() => nodes);
    nodes.next({ nodes: ['a:1'], warning: 'half of it timed out' });
    nodes.next({ nodes: ['a:1', 'b:1'], warning: 'half of it timed out' });
    expect({ sets, warnings, state: subject.snapshot().state }).toEqual({
      sets: [['a'], ['a', 'b']],
      warnings: ['half of it timed out'],
      state: 'ok',
    });
  });

  describe('contact with the registry', () => {
    it('moves the last success, and the age, when the same set comes again, and hands on nothing', () => {
      const nodes = new Subject<unknown>();
      const subject = resolution(() => nodes);
      nodes.next([{ host: 'a', port: 1, metadata: { version: '1' } }, 'b:1;zone=z']);
      time.advance(60_000);
      expect(subject.snapshot()).toMatchObject({ lastSuccess: new Date(WALL), age: 60_000, nodes: 2 });
      nodes.next([{ host: 'a', port: 1, metadata: { version: '1' } }, 'b:1;zone=z']);
      expect(subject.snapshot()).toMatchObject({ lastSuccess: new Date(WALL + 60_000), age: 0 });
      expect(sets).toHaveLength(1);
      nodes.next([{ host: 'a', port: 1, metadata: { version: '2' } }, 'b:1;zone=z']);
      expect(sets).toHaveLength(2);
    });

    it('is confirmed without a set', () => {
      const nodes = new Subject<unknown>();
      const subject = resolution(() => nodes);
      nodes.next(['a:1']);
      time.advance(60_000);
      nodes.next({ alive: true });
      expect(subject.snapshot()).toMatchObject({ lastSuccess: new Date(WALL + 60_000), age: 0 });
      expect(sets).toHaveLength(1);
    });

    it('ends a failure, which is told', () => {
      const nodes = new Subject<unknown>();
      const subject = resolution(() => nodes);
      nodes.next(['a:1']);
      nodes.next({ failure: 'lost' });
      nodes.next({ alive: true });
      expect(subject.snapshot()).toMatchObject({ state: 'ok', error: undefined });
      nodes.next({ failure: 'lost' });
      nodes.next(['a:1']);
      nodes.next(['a:1']);
      expect({ recoveries, sets }).toEqual({ recoveries: 2, sets: [['a']] });
    });

    it('confirms no set where there is none: at the start, after an empty one, and in a new watch', () => {
      let nodes = new Subject<unknown>();
      const subject = resolution(() => nodes);
      nodes.next({ alive: true });
      expect(subject.snapshot().state).toBe('starting');
      nodes.next(['a:1']);
      nodes.next([]);
      nodes.next({ alive: true });
      expect(subject.snapshot().state).toBe('failing');
      nodes.next(['a:1']);
      const broken = nodes;
      nodes = new Subject();
      broken.error(new Error('reset'));
      time.advance(2_000);
      nodes.next({ alive: true });
      expect(subject.snapshot()).toMatchObject({ state: 'failing', error: 'reset' });
    });

    it('does not make a fixed list look old', () => {
      const subject = resolution(() => of(['a:1']), { finite: true });
      time.advance(60_000);
      expect(subject.snapshot().age).toBe(0);
    });
  });

  describe('when the stream breaks', () => {
    it('subscribes again with growing delays and says why once', () => {
      let watches = 0;
      resolution(() => {
        watches++;
        return throwError(() => new Error('refused'));
      });
      const at: number[] = [];
      let seen = watches;
      while (time.now < 20_000) {
        time.advance(10);
        if (watches > seen) at.push(time.now);
        seen = watches;
      }
      // 1 000, × 1.6 each time
      expect(at).toEqual([1_000, 2_600, 5_160, 9_260, 15_820].map((ms) => expect.closeTo(ms, -2)));
      expect(failures).toEqual(['refused']);
      time.advance(3_600_000);
      const before = watches;
      time.advance(3_600_000);
      expect(watches - before).toBe(30);
    });

    it('takes an unexpected end for a failure, and goes on with the last set', () => {
      let watches = 0;
      const subject = resolution(() => of([`node${++watches}:1`]));
      expect(subject.snapshot()).toMatchObject({ state: 'failing', error: 'the resolver ended its stream' });
      time.advance(1_000);
      expect(sets).toEqual([['node1'], ['node2']]);
    });

    it('neither warns nor tries in quick turns when it works and breaks in quick turns', () => {
      let watches = 0;
      resolution(() => {
        watches++;
        return concat(
          of(['a:1']),
          throwError(() => new Error('reset')),
        );
      });
      time.advance(600_000);
      expect(watches).toBeLessThan(20);
      expect(failures.length).toBeLessThan(20);
      expect(new Set(failures)).toEqual(new Set(['reset']));
    });

    it('begins with the shortest delay again after a stream that held', () => {
      const streams: Subject<unknown>[] = [];
      resolution(() => {
        const stream = new Subject<unknown>();
        streams.push(stream);
        return stream;
      });
      for (let i = 0; i < 5; i++) {
        streams.at(-1)?.error(new Error('x'));
        time.advance(120_000);
      }
      time.advance(60_000);
      streams.at(-1)?.error(new Error('x'));
      time.advance(1_000);
      expect(streams).toHaveLength(7);
    });

    it('does not look again at a fixed list that has ended', () => {
      const subject = resolution(() => of(['a:1']), { finite: true });
      expect(subject.snapshot().state).toBe('ok');
      expect(time.pending).toBe(0);
      expect(resolution(() => of(), { finite: true }).snapshot()).toMatchObject({
        state: 'failing',
        error: 'the target gave no usable node',
      });
    });
  });

  it.each<[string, () => unknown, string | RegExp]>([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      'boom',
    ],
    ['returns nothing', () => undefined, /undefined/],
    ['returns a number', () => 7, /7/],
    ['fails with no error', () => throwError(() => null), 'failed with null'],
    ['fails with an error without words', () => throwError(() => new Error('')), 'failed without a message'],
    [
      'fails with an error that is odd',
      () => throwError(() => Object.assign(new Error('x'), { message: 7 })),
      'failed without a message',
    ],
    [
      'emits what throws when it is read',
      () =>
        concat(
          of([
            {
              get host() {
                throw new Error('gotcha');
              },
            },
          ]),
          NEVER,
        ),
      'gotcha',
    ],
  ])('survives a resolver that %s', (_, watch, reason) => {
    expect(resolution(watch).snapshot()).toMatchObject({
      state: 'failing',
      error: expect.stringMatching(reason),
    });
    expect(failures).toHaveLength(1);
  });

  it('shows neither credentials nor more than a line of what others say', () => {
    const text = `401 at etcd://root:s3cret@h/x (s3cret)\nERROR forged ${'x'.repeat(10_000)}`;
    const subject = resolution(() => throwError(() => new Error(text)), {}, 'etcd://root:s3cret@h/x');
    const { error = '', target } = subject.snapshot();
    expect(`${error} ${target}`).not.toMatch(/s3cret|\n/);
    expect(error.length).toBeLessThanOrEqual(500);
  });

  it('tells each of several reasons once, and a bounded number of them', () => {
    const nodes = new Subject<unknown>();
    resolution(() => nodes);
    for (let i = 0; i < 10; i++) for (const failure of ['a', 'b']) nodes.next({ failure });
    expect(failures).toEqual(['a', 'b']);
    for (let i = 0; i < 1_000; i++) nodes.next({ failure: `at ${i}` });
    expect(failures.length).toBeLessThan(50);
    time.advance(60_000);
    nodes.next(['a:1']);
    nodes.next({ failure: 'a' });
    expect(failures.at(-1)).toBe('a');
  });

  it('passes on the wish to look again', () => {
    let looks = 0;
    const subject = resolution((refresh) => new Observable(() => refresh.subscribe(() => looks++)));
    subject.refresh();
    subject.refresh();
    expect(looks).toBe(2);
    subject.close();
    subject.refresh();
    expect(looks).toBe(2);
  });

  it('is silent and idle once it is closed, whatever the resolver does', () => {
    let subscriber: { next(value: unknown): void; error(error: unknown): void } | undefined;
    let ended = 0;
    const subject = resolution(
      () =>
        new Observable((to) => {
          subscriber = to;
          return () => {
            ended++;
            throw new Error('teardown');
          };
        }),
    );
    subject.close();
    subscriber?.next(['a:1']);
    subscriber?.error(new Error('late'));
    expect({ ended, sets, failures, pending: time.pending }).toEqual({
      ended: 1,
      sets: [],
      failures: [],
      pending: 0,
    });
  });

  it('is not tried again when it is closed while it waits', () => {
    const subject = resolution(() => throwError(() => new Error('x')));
    expect(time.pending).toBe(1);
    subject.close();
    expect(time.pending).toBe(0);
  });

  it('ends a watch that is closed while it starts', () => {
    let ended = false;
    const target = parseTarget('db:///orders') as { value: Target };
    const watch = () => concat(of(['a:1']), new Observable<never>(() => () => void (ended = true)));
    const subject: Resolution = new Resolution(
      { target: target.value, resolver: { schemes: ['db'], watch } },
      { onEndpoints: () => subject.close(), onFailure: (reason) => failures.push(reason) },
      time.deps,
    );
    subject.start();
    expect({ ended, failures }).toEqual({ ended: true, failures: [] });
  });
});
