import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from './strategy.js';

/** The explanation of a strategy that has a score for every node, or for some, and takes the lowest. O(n). */
export function scored<N extends StrategyNode>(
  basis: string,
  nodes: readonly N[],
  scoreOf: (node: N) => number | undefined,
): StrategyExplanation<N> {
  const scores = new Map<N, number>();
  let choice: N | undefined;
  let best = Infinity;
  for (const node of nodes) {
    const score = scoreOf(node);
    if (score === undefined) continue;
    scores.set(node, score);
    if (score < best) {
      best = score;
      choice = node;
    }
  }
  return { basis, scores, choice };
}

/** What a strategy tells of itself; one that a user wrote need not tell anything. */
export function explanationOf<N extends StrategyNode>(
  strategy: Strategy<N>,
  call: PickContext<N>,
): StrategyExplanation<N> {
  return (
    strategy.explain?.(call) ?? { basis: 'not told by this strategy', scores: new Map(), choice: undefined }
  );
}
