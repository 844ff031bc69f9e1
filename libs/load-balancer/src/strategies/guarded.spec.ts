import { describe, expect, it } from '@jest/globals';
import { anyCall, fakeNodes, tally } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { GuardedStrategy } from './guarded.js';

function guarded(pick: () => FakeNode | undefined, update: () => void = () => undefined) {
  const faults: string[] = [];
  const strategy = new GuardedStrategy<FakeNode>({ update, pick }, (reason) => faults.push(reason));
  return { strategy, faults };
}

describe('a strategy that a user wrote', () => {
  it('is asked, and obeyed when it names an eligible node', () => {
    const nodes = fakeNodes(3);
    const { strategy, faults } = guarded(() => nodes[2]);
    strategy.update(nodes);
    expect(strategy.pick(anyCall)).toBe(nodes[2]);
    expect(faults).toEqual([]);
  });

  it('that goes by hash keys is known to', () => {
    const strategy = { update: () => undefined, pick: () => undefined, usesHashKey: true };
    expect(new GuardedStrategy(strategy, () => undefined).usesHashKey).toBe(true);
    expect(guarded(() => undefined).strategy.usesHashKey).toBe(false);
  });

  it('that throws does not fail the call: nodes are taken in turn, and it is told once', () => {
    const nodes = fakeNodes(3);
    const { strategy, faults } = guarded(() => {
      throw new Error('boom');
    });
    strategy.update(nodes);
    expect([...tally(30, () => strategy.pick(anyCall)).values()]).toEqual([10, 10, 10]);
    expect(faults).toEqual(['pick() threw: Error: boom']);
  });

  it('that names a node which has left is not followed', () => {
    const gone = fakeNodes(5)[4]!;
    const nodes = fakeNodes(3);
    const { strategy, faults } = guarded(() => gone);
    strategy.update(nodes);
    expect(nodes).toContain(strategy.pick(anyCall));
    expect(faults).toEqual(['pick() returned a node that is not eligible']);
  });

  it('that finds no node among several is not followed, but among none it is right', () => {
    const nodes = fakeNodes(3);
    const { strategy, faults } = guarded(() => undefined);
    strategy.update([]);
    expect(strategy.pick(anyCall)).toBeUndefined();
    expect(faults).toEqual([]);
    strategy.update(nodes);
    expect(nodes).toContain(strategy.pick(anyCall));
  });

  it('that throws in update() is told, and the call goes on', () => {
    const nodes = fakeNodes(1);
    const { strategy, faults } = guarded(
      () => nodes[0],
      () => {
        throw new Error('bad set');
      },
    );
    strategy.update(nodes);
    expect(faults).toEqual(['update() threw: Error: bad set']);
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
  });

  it('is told of loads of its nodes and asked to refresh, and what it throws there costs nothing', () => {
    const [node] = fakeNodes(1) as [FakeNode];
    const told: unknown[] = [];
    const faults: string[] = [];
    const strategy = new GuardedStrategy<FakeNode>(
      {
        update: () => undefined,
        pick: () => node,
        observe: (observed) => told.push(observed),
        refresh: () => {
          throw new Error('boom');
        },
      },
      (reason) => faults.push(reason),
    );
    strategy.update([node]);
    strategy.observe?.(node);
    strategy.observe?.(fakeNodes(1)[0]!);
    strategy.refresh?.();
    expect(told).toEqual([node]);
    expect(faults).toEqual(['refresh() threw: Error: boom']);
  });

  it('that wants neither loads nor refreshes is asked for none', () => {
    const { strategy } = guarded(() => undefined);
    expect([strategy.observe, strategy.refresh]).toEqual([undefined, undefined]);
  });

  it.each<object>([
    { basis: 'mood' },
    { basis: 'mood', scores: new Map(), leftOut: ['all'] },
    { basis: 'mood', scores: new Map(), remarks: new Map([[{}, { text: 'none' }]]) },
  ])('that explains itself with anything else costs nobody anything, and is told of (%j)', (told) => {
    const faults: string[] = [];
    const inner = {
      update: () => undefined,
      pick: () => undefined,
      explain: () => told as never,
    };
    const strategy = new GuardedStrategy<FakeNode>(inner, (reason) => faults.push(reason));
    expect(strategy.explain(anyCall)).toMatchObject({ scores: new Map(), choice: undefined });
    expect(faults).toEqual(['explain() returned no explanation']);
  });

  it('need not explain itself', () => {
    const { strategy } = guarded(() => undefined);
    expect(strategy.explain(anyCall)).toEqual({
      basis: 'not told by this strategy',
      scores: new Map(),
      choice: undefined,
    });
  });
});
