import type { PairDraw } from './pair-draw.js';
import type { StrategyNode } from './strategy.js';

/** Linkerd's default: what two nodes of which nothing is known are expected to take, in milliseconds. */
export const UNSEEN_LATENCY = 30;

/**
 * When a node would answer one more call, in milliseconds: its latency for the call itself, and as often again as it has
 * calls in flight for its weight. Weight counts only against what is in flight, since the nodes that are compared were
 * drawn by weight already: were it to count twice, the lighter of two idle nodes would never get a call.
 *
 * @param latency the node's own measure; the age of its oldest unanswered call counts when that is more, so that a node
 *   that stalls is seen before it answers
 */
export function expectedDelay(
  { inFlight, weight, waitingSince }: StrategyNode,
  latency: number,
  meanWeight: number,
  now: number,
): number {
  const slower = waitingSince !== undefined && now - waitingSince > latency ? now - waitingSince : latency;
  return slower * (1 + (inFlight * meanWeight) / weight);
}

/** Of the two nodes that were drawn, the one that is expected to answer first; of equals the first drawn. */
export function sooner<N extends StrategyNode>({ first, second, meanWeight }: PairDraw<N>, now: number): N {
  const a = first.peakLatency(now);
  const b = second.peakLatency(now);
  const delayOfFirst = expectedDelay(first, a ?? b ?? UNSEEN_LATENCY, meanWeight, now);
  const delayOfSecond = expectedDelay(second, b ?? a ?? UNSEEN_LATENCY, meanWeight, now);
  return delayOfSecond < delayOfFirst ? second : first;
}
