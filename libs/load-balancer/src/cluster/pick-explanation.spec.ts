import { expect, it } from '@jest/globals';
import type { StrategyExplanation } from '../strategies/strategy.js';
import { fakeNodes } from '../testing/fake-nodes.js';
import type { ExplainedNode, PickSituation } from './pick-explanation.js';
import { describeExplanation, explainPick } from './pick-explanation.js';
import type { NodeStatus } from './snapshot.js';

interface Node extends ExplainedNode {
  inFlight: number;
}

const statuses: NodeStatus[] = ['disconnected', 'ready', 'ready', 'ready'];
const nodes: readonly Node[] = fakeNodes(4).map((node, i) => ({
  ...node,
  status: statuses[i]!,
  reason: i === 0 ? 'connect ECONNREFUSED' : 'answered a probe',
  inFlight: i,
  weight: i === 3 ? 0 : 1,
}));
const [down, slow, fast, weightless] = nodes as [Node, Node, Node, Node];
const told: StrategyExplanation<Node> = {
  basis: 'expected latency',
  scores: new Map([
    [slow, 80.1234],
    [fast, 5],
  ]),
  choice: fast,
};
const situation: PickSituation<Node> = {
  nodes,
  eligible: [slow, fast],
  panic: false,
  limit: Infinity,
  trial: undefined,
};

function explain(
  changed: Partial<PickSituation<Node>> = {},
  tried?: ReadonlySet<Node>,
  strategy: Partial<typeof told> = {},
) {
  return explainPick({ tried }, { ...situation, ...changed }, { ...told, ...strategy });
}

it('tells who may be picked, best first, who is left out and why, and what would be picked', () => {
  const choice = explain({}, undefined, { remarks: new Map([[slow, 'slow start: takes 40 %']]) });
  expect(choice.candidates.map(({ node, eligible }) => [node, eligible])).toEqual([
    [fast.key, true],
    [slow.key, true],
    [down.key, false],
    [weightless.key, false],
  ]);
  expect(choice.choice).toBe(fast.key);
  const about = { service: 'orders', pattern: 'quote', at: '', known: 10, hasHashKey: false } as const;
  const settings = { timeout: 0, maxAttempts: 1, hedged: false, idempotent: undefined, waitForReady: false };
  const strategy = { name: 'peak-ewma', from: 'pattern' } as const;
  expect(describeExplanation({ ...about, strategy, settings, ...choice })).toBe(
    [
      'peak-ewma (of the pattern) would take 10.0.0.2:4000: expected latency',
      '  10.0.0.2:4000: ready, 2 in flight, score 5',
      '  10.0.0.1:4000: ready, 1 in flight, score 80.1; slow start: takes 40 %',
      '  10.0.0.0:4000: left out, disconnected: connect ECONNREFUSED',
      '  10.0.0.3:4000: left out, ready: its weight is 0',
      '  6 more: left out, not in the subset of this client',
    ].join('\n'),
  );
});

it('says when there is no node to take', () => {
  const about = { service: 'orders', pattern: 'p', at: '', known: 0, hasHashKey: false };
  const strategy = { name: 'peak-ewma', from: 'service' as const };
  const settings = {
    timeout: 0,
    maxAttempts: 1,
    hedged: false,
    idempotent: undefined,
    waitForReady: false,
  };
  const nothing = { basis: '', choice: undefined, panic: false };
  const left = {
    node: 'a:1',
    status: 'disconnected' as const,
    eligible: false,
    reason: 'refused',
    inFlight: 0,
    weight: 1,
    remark: undefined,
    score: undefined,
  };
  const described = (candidates: (typeof left)[]) =>
    describeExplanation({ ...about, strategy, settings, ...nothing, candidates });
  expect(described([])).toBe('peak-ewma (of the service) could take no node, since none is known');
  expect(described([left])).toBe(
    'peak-ewma (of the service) could take no node, since none is left\n  a:1: left out, disconnected: refused',
  );
  expect(described([{ ...left, eligible: true }])).toContain('would take any of these');
});

it('leaves out a full node, and one that the call was tried on, and takes the next best', () => {
  const full = explain({ limit: 2 });
  expect(full.choice).toBe(slow.key);
  expect(full.candidates.find(({ node }) => node === fast.key)).toMatchObject({
    eligible: false,
    reason: 'full: 2 calls in flight',
  });
  const again = explain({}, new Set([fast]));
  expect(again.choice).toBe(slow.key);
  expect(again.candidates.find(({ node }) => node === fast.key)?.reason).toBe(
    'this call has been tried on it',
  );
});

it('leaves out what the strategy does, unless no other node will do', () => {
  const local: Partial<typeof told> = { leftOut: new Map([[slow, 'no calls go from zone a to zone b']]) };
  expect(explain({}, undefined, local).candidates.find(({ node }) => node === slow.key)).toMatchObject({
    eligible: false,
    reason: 'no calls go from zone a to zone b',
  });
  const again = explain({}, new Set([fast]), local);
  expect(again.choice).toBe(slow.key);
  expect(again.candidates.filter(({ eligible }) => eligible).map(({ node }) => node)).toEqual([slow.key]);
});

it('says of a node that is well and not eligible that others are waited for', () => {
  expect(explain({ eligible: [fast] }).candidates.find(({ node }) => node === slow.key)).toMatchObject({
    eligible: false,
    reason: 'the nodes of a higher priority are being connected',
  });
});

it('names a node that is due for its trial before any other', () => {
  const { basis, choice, candidates } = explain({ trial: down });
  expect([basis, choice]).toEqual(['an ejected node is due for its trial', down.key]);
  expect(candidates.find(({ node }) => node === down.key)).toMatchObject({
    eligible: true,
    reason: 'connect ECONNREFUSED; the next call tries it',
  });
});

it('names nobody where each is as likely as the others, the only one where there is one, and none of none', () => {
  const lots = { scores: new Map(), choice: undefined };
  expect(explain({}, undefined, lots).choice).toBeUndefined();
  expect(explain({ eligible: [slow] }, undefined, lots).choice).toBe(slow.key);
  expect(explain({ eligible: [] }, undefined, lots).choice).toBeUndefined();
});

it('is plain data, whatever scores a strategy gives', () => {
  const odd = { scores: new Map([[slow, NaN], [fast, Infinity]]) }; // prettier-ignore
  const explanation = explain({}, undefined, odd);
  expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  expect(explanation.candidates.map(({ score }) => score)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
