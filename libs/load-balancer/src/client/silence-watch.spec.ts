import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { SYSTEM_TIME } from '../time-source.js';
import { SilenceWatch } from './silence-watch.js';
import type { UpstreamNode } from './upstream-node.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

interface FakeNode {
  inFlight: number;
  answers: number;
}

function setUp(count = 1) {
  const nodes: FakeNode[] = Array.from({ length: count }, () => ({ inFlight: 0, answers: 0 }));
  const suspected: [number, number][] = [];
  const started = performance.now();
  const watch = new SilenceWatch(
    () => nodes as UpstreamNode[],
    (node) => suspected.push([nodes.indexOf(node), performance.now() - started]),
    SYSTEM_TIME,
  );
  return { nodes, suspected, watch };
}

function pass(ms: number): void {
  jest.advanceTimersByTime(ms);
}

it('suspects a node that owes an answer and has given none between two looks', () => {
  const { nodes, suspected, watch } = setUp(2);
  nodes[0]!.inFlight = nodes[1]!.inFlight = 1;
  watch.start();
  pass(300);
  nodes[1]!.answers++;
  pass(300);
  expect(suspected).toEqual([[0, 500]]);
});

it('leaves a node in peace that answers, however much it owes', () => {
  const { nodes, suspected, watch } = setUp();
  nodes[0]!.inFlight = 100;
  watch.start();
  for (let i = 0; i < 50; i++) {
    nodes[0]!.answers++;
    pass(200);
  }
  expect(suspected).toEqual([]);
});

it('comes back to a silent node once a second, not at every look', () => {
  const { nodes, suspected, watch } = setUp();
  nodes[0]!.inFlight = 1;
  watch.start();
  pass(4_000);
  expect(suspected.map(([, at]) => at)).toEqual([500, 1_500, 2_500, 3_500]);
});

it('stops to look when nobody owes anything, and starts again when asked', () => {
  const { nodes, suspected, watch } = setUp();
  watch.start();
  watch.start();
  expect(jest.getTimerCount()).toBe(1);
  pass(250);
  expect(jest.getTimerCount()).toBe(0);
  nodes[0]!.inFlight = 1;
  watch.start();
  pass(500);
  expect(suspected).toHaveLength(1);
});

it('gives a node that stood idle the whole time again', () => {
  const { nodes, suspected, watch } = setUp(2);
  nodes[0]!.inFlight = nodes[1]!.inFlight = 1;
  watch.start();
  pass(250);
  nodes[0]!.inFlight = 0;
  nodes[1]!.answers++;
  pass(249);
  pass(1);
  nodes[0]!.inFlight = 1;
  nodes[1]!.answers++;
  pass(250);
  expect(suspected).toEqual([]);
  nodes[1]!.answers++;
  pass(250);
  expect(suspected.map(([node]) => node)).toEqual([0]);
});

it('can be stopped while answers are owed', () => {
  const { nodes, suspected, watch } = setUp();
  nodes[0]!.inFlight = 1;
  watch.start();
  watch.stop();
  pass(2_000);
  expect(suspected).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
});
