import { expect, it } from '@jest/globals';
import { anyCall, fakeNodes } from '../testing/fake-nodes.js';
import { explanationOf, scored } from './scored.js';

it('an explanation names the node with the lowest score, of equals the first, and leaves out those without one', () => {
  const nodes = fakeNodes(4);
  const scores = [undefined, 3, 1, 1];
  const explanation = scored('a score', nodes, (node) => scores[nodes.indexOf(node)]);
  expect(explanation).toEqual({
    basis: 'a score',
    scores: new Map([
      [nodes[1], 3],
      [nodes[2], 1],
      [nodes[3], 1],
    ]),
    choice: nodes[2],
  });
  expect(explanation.choice).toBe(nodes[2]);
});

it('an explanation without any score names nobody', () => {
  expect(scored('none', fakeNodes(2), () => undefined)).toEqual({
    basis: 'none',
    scores: new Map(),
    choice: undefined,
  });
});

it('a strategy is asked for its explanation, and need not have one', () => {
  const nodes = fakeNodes(1);
  const silent = { update: () => undefined, pick: () => nodes[0] };
  const own = scored('its own', nodes, () => 1);
  expect(explanationOf({ ...silent, explain: () => own }, anyCall)).toBe(own);
  expect(explanationOf(silent, anyCall).basis).toBe('not told by this strategy');
});
