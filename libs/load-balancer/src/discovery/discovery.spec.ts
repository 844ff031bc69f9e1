import { beforeEach, describe, expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import { endpointKey } from '../cluster/endpoint.js';
import { VirtualTime, WALL } from '../testing/virtual-time.js';
import { Discovery } from './discovery.js';
import type { ResolverEmission, Target } from './resolver.js';
import { parseTarget } from './target.js';

let time: VirtualTime;
/** The latest set, as `key priority`. */
let nodes: string[];
let told: string[];
let targets: Subject<ResolverEmission>[];
let looks: number;

beforeEach(() => {
  time = new VirtualTime();
  nodes = [];
  told = [];
  targets = [];
  looks = 0;
});

function discover(count: number): Discovery {
  targets = Array.from({ length: count }, () => new Subject());
  const sources = targets.map((emissions, index) => ({
    target: (parseTarget(`db:///${index}`) as { value: Target }).value,
    resolver: {
      schemes: ['db'],
      watch: (_: Target, refresh: Subject<void>) => {
        refresh.subscribe(() => looks++);
        return emissions;
      },
    },
  }));
  const discovery = new Discovery(
    sources,
    {
      onEndpoints: (endpoints) =>
        (nodes = endpoints.map((endpoint) => `${endpointKey(endpoint)} ${endpoint.priority}`)),
      onResolved: (target, count) => told.push(`${target} has ${count}`),
      onFailure: (target, reason) => told.push(`${target} failed: ${reason}`),
      onWarning: (target, warning) => told.push(`${target} warns: ${warning}`),
    },
    time.deps,
  );
  discovery.start();
  return discovery;
}

const emit = (index: number, emission: ResolverEmission): void => targets[index]!.next(emission);

describe('one target', () => {
  it('keeps the priorities of its nodes, and shows its state as that of the whole', () => {
    const discovery = discover(1);
    expect(discovery.starting).toBe(true);
    emit(0, ['a:1;priority=3', 'b:1']);
    expect(nodes).toEqual(['a:1 3', 'b:1 0']);
    time.advance(10);
    const state = { target: 'db:///0', state: 'ok', lastSuccess: new Date(WALL), age: 10, error: undefined };
    expect(discovery.snapshot()).toEqual({ ...state, targets: [{ ...state, nodes: 2 }] });
    expect({ starting: discovery.starting, pending: time.pending }).toEqual({ starting: false, pending: 0 });
  });
});

describe('several targets', () => {
  it('have their nodes in their order, each below all priorities of those before it', () => {
    discover(3);
    emit(0, ['a:1', 'b:1;priority=65535']);
    emit(1, ['c:1;priority=2']);
    emit(2, ['d:1']);
    expect(nodes).toEqual(['a:1 0', 'b:1 65535', 'c:1 65538', 'd:1 131072']);
    expect(told).toEqual(['db:///0 has 2', 'db:///1 has 1', 'db:///2 has 1']);
  });

  it('count a node that several have as the first one’s, and give it on when that has it no more', () => {
    discover(2);
    emit(0, ['a:1;weight=5', 'b:1']);
    emit(1, ['a:1', 'c:1']);
    expect(nodes).toEqual(['a:1 0', 'b:1 0', 'c:1 65536']);
    emit(0, ['b:1']);
    expect(nodes).toEqual(['b:1 0', 'a:1 65536', 'c:1 65536']);
  });

  it('keep what each told last, whatever happens to the others', () => {
    const discovery = discover(2);
    emit(0, ['a:1']);
    emit(1, ['b:1']);
    emit(0, []);
    targets[1]!.error(new Error('reset'));
    expect(nodes).toEqual(['a:1 0', 'b:1 65536']);
    expect(told.slice(2)).toEqual([
      'db:///0 failed: the target gave no usable node',
      'db:///1 failed: reset',
    ]);
    expect(discovery.snapshot()).toMatchObject({
      target: 'db:///0 | db:///1',
      state: 'failing',
      lastSuccess: new Date(WALL),
      error: 'db:///0: the target gave no usable node; db:///1: reset',
      targets: [
        { target: 'db:///0', state: 'failing', nodes: 1 },
        { target: 'db:///1', state: 'failing', nodes: 1, error: 'reset' },
      ],
    });
    emit(0, { failure: 'still' });
    emit(0, ['a:1']);
    expect(told.at(-1)).toBe('db:///0 has 1');
    expect(discovery.snapshot()).toMatchObject({ targets: [{ state: 'ok' }, { state: 'failing' }] });
  });

  it('show the latest success of all, and the worst state', () => {
    const discovery = discover(2);
    emit(1, ['b:1']);
    expect(discovery.snapshot()).toMatchObject({ state: 'starting', age: 0 });
    time.advance(100);
    emit(0, ['a:1']);
    time.advance(100);
    expect(discovery.snapshot()).toMatchObject({
      state: 'ok',
      age: 100,
      lastSuccess: new Date(WALL + 100),
      targets: [{ age: 100 }, { age: 200 }],
    });
  });

  it('show what is wrong with each, and tell it as that of the one', () => {
    const discovery = discover(3);
    emit(0, { nodes: ['a:1'], warning: 'half of it timed out' });
    emit(1, ['b:1']);
    emit(2, { nodes: ['c:1'], warning: 'no access to the rest' });
    expect(told.filter((what) => what.includes('warns'))).toEqual([
      'db:///0 warns: half of it timed out',
      'db:///2 warns: no access to the rest',
    ]);
    expect(discovery.snapshot()).toMatchObject({
      state: 'ok',
      error: undefined,
      warning: 'db:///0: half of it timed out; db:///2: no access to the rest',
      targets: [
        { warning: 'half of it timed out' },
        { warning: undefined },
        { warning: 'no access to the rest' },
      ],
    });
  });

  it('are all asked to look again, and all ended', () => {
    const discovery = discover(2);
    discovery.refresh();
    expect(looks).toBe(2);
    discovery.close();
    emit(0, ['a:1']);
    time.advance(5_000);
    expect({ nodes, told, pending: time.pending }).toEqual({ nodes: [], told: [], pending: 0 });
  });

  describe('at the start', () => {
    it('a fallback that is known at once waits for the first answer of those before it', () => {
      const discovery = discover(2);
      emit(1, ['b:1']);
      expect({ nodes, starting: discovery.starting }).toEqual({ nodes: [], starting: true });
      time.advance(20);
      emit(0, ['a:1']);
      expect({ nodes, starting: discovery.starting }).toEqual({
        nodes: ['a:1 0', 'b:1 65536'],
        starting: false,
      });
    });

    it('it is used at once when they fail', () => {
      discover(3);
      emit(2, ['c:1']);
      emit(0, { failure: 'refused' });
      expect(nodes).toEqual([]);
      emit(1, []);
      expect(nodes).toEqual(['c:1 131072']);
    });

    it('and after a second when they are silent', () => {
      const discovery = discover(2);
      emit(1, ['b:1']);
      time.advance(999);
      expect(nodes).toEqual([]);
      time.advance(1);
      expect({ nodes, starting: discovery.starting }).toEqual({ nodes: ['b:1 65536'], starting: true });
    });
  });
});
