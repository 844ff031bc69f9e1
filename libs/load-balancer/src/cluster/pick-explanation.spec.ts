import { expect, it } from '@jest/globals';
import { fakeNodes } from '../testing/fake-nodes.js';
import { describeExplanation, explainPick } from './pick-explanation.js';
import type { NodeStatus } from './snapshot.js';

it('tells who may be picked, best first, who is left out and why, and what would be picked', () => {
  const statuses: NodeStatus[] = ['disconnected', 'ready', 'ready', 'ready'];
  const nodes = fakeNodes(4).map((node, i) => ({
    ...node,
    status: statuses[i]!,
    reason: i === 0 ? 'connect ECONNREFUSED' : 'answered a probe',
    inFlight: i,
    weight: i === 3 ? 0 : 1,
  }));
  const [down, slow, fast] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
  const explanation = explainPick(
    { service: 'orders', pattern: 'quote', strategy: 'peak-ewma', panic: false },
    nodes,
    [slow, fast],
    { basis: 'expected latency', scores: new Map([[slow, 80.1234], [fast, 5]]), choice: fast }, // prettier-ignore
  );
  expect(explanation.candidates.map(({ node, eligible }) => [node, eligible])).toEqual([
    [fast.key, true],
    [slow.key, true],
    [down.key, false],
    [nodes[3]!.key, false],
  ]);
  expect(explanation.choice).toBe(fast.key);
  expect(describeExplanation(explanation)).toBe(
    [
      'peak-ewma would take 10.0.0.2:4000 (expected latency)',
      '  10.0.0.2:4000: 2 in flight, score 5',
      '  10.0.0.1:4000: 1 in flight, score 80.1',
      '  10.0.0.0:4000: left out, disconnected: connect ECONNREFUSED',
      '  10.0.0.3:4000: left out, ready: its weight is 0',
    ].join('\n'),
  );
});
