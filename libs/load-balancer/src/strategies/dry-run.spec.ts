import { expect, it } from '@jest/globals';
import { anyCall, fakeDeps, fakeNodes } from '../testing/fake-nodes.js';
import type { FakeNode } from '../testing/fake-nodes.js';
import { DryRun } from './dry-run.js';
import { PickFirst } from './pick-first.js';
import { RoundRobin } from './round-robin.js';

it('a dry run picks what the acting strategy picks, and counts how often the other one would not have', () => {
  const nodes = fakeNodes(4);
  const alone = new RoundRobin<FakeNode>(fakeDeps(1));
  const other = new PickFirst<FakeNode>(fakeDeps(2), { shuffle: false });
  const both = new DryRun<FakeNode>(new RoundRobin<FakeNode>(fakeDeps(1)), other);
  alone.update(nodes);
  both.update(nodes);
  for (let i = 0; i < 400; i++) {
    const taken = both.pick(anyCall)!;
    expect(taken).toBe(alone.pick(anyCall));
    both.compare(taken, both.watched.pick(anyCall));
  }
  expect(both.counts).toEqual({ same: 100, different: 300 });
});
