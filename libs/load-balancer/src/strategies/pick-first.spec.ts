import { describe, expect, it } from '@jest/globals';
import { anyCall, fakeDeps, fakeNodes, tally } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { PickFirst } from './pick-first.js';

function picking(nodes: readonly FakeNode[], seed = 1, shuffle = true): PickFirst<FakeNode> {
  const strategy = new PickFirst<FakeNode>(fakeDeps(seed), { shuffle });
  strategy.update(nodes);
  return strategy;
}

describe('pick-first', () => {
  it('sends all calls to one node, and keeps to it wherever the list puts it', () => {
    const nodes = fakeNodes(5);
    const strategy = picking(nodes);
    const first = strategy.pick(anyCall)!;
    expect(tally(100, () => strategy.pick(anyCall))).toEqual(new Map([[first.key, 100]]));
    strategy.update([...nodes].reverse());
    expect(strategy.pick(anyCall)).toBe(first);
    strategy.update([...fakeNodes(3), first]);
    expect(strategy.pick(anyCall)).toBe(first);
  });

  it('takes another one when it goes, and does not move back when it returns', () => {
    const nodes = fakeNodes(5);
    const strategy = picking(nodes);
    const first = strategy.pick(anyCall)!;
    strategy.update(nodes.filter((node) => node !== first));
    const second = strategy.pick(anyCall);
    expect(second).not.toBe(first);
    strategy.update(nodes);
    expect(strategy.pick(anyCall)).toBe(second);
  });

  it('is another node for other clients, each as likely', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 1_000; seed++) {
      const { key } = picking(fakeNodes(4), seed).pick(anyCall)!;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(4);
    for (const count of counts.values()) expect(Math.abs(count - 250)).toBeLessThan(60);
  });

  it('tries the others when a call has failed there, and spreads what it tries', () => {
    const nodes = fakeNodes(6);
    const strategy = picking(nodes);
    const first = strategy.pick(anyCall)!;
    const others = tally(1_000, () => strategy.pick({ ...anyCall, tried: new Set([first]) }));
    expect(others.has(first.key)).toBe(false);
    expect(others.size).toBe(5);
    expect(strategy.pick({ ...anyCall, tried: new Set(nodes) })).toBe(first);
  });

  it('unshuffled, is a leader with stand-ins, in the order of the list', () => {
    const nodes = fakeNodes(3);
    const strategy = picking(nodes, 1, false);
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
    expect(strategy.pick({ ...anyCall, tried: new Set([nodes[0]!]) })).toBe(nodes[1]);
    strategy.update(nodes.slice(1));
    expect(strategy.pick(anyCall)).toBe(nodes[1]);
    strategy.update(nodes);
    expect(strategy.pick(anyCall)).toBe(nodes[0]);
  });
});
