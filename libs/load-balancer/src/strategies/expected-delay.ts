import type { PairDraw } from './pair-draw.js';
import type { StrategyNode } from './strategy.js';

/** Linkerd's default: what two nodes of which nothing is known are expected to take, in milliseconds. */
export const UNSEEN_LATENCY = 30;

/** Paces with less than this between them say nothing of which node is the quicker. */
const ALIKE = 1.25;

/**
 * When a node would answer one more call, in milliseconds: its pace for the call itself, and as often again as it has
 * calls in flight for its weight. Weight counts only against what is in flight, since the nodes that are compared were
 * drawn by weight already: were it to count twice, the lighter of two idle nodes would never get a call.
 *
 * @param pace the node's own measure; the age of its oldest unanswered call counts when that is more than all of it, so
 *   that a node that stalls is seen before it answers
 */
export function expectedDelay(
  { inFlight, weight, waitingSince }: StrategyNode,
  pace: number,
  meanWeight: number,
  now: number,
): number {
  const delay = pace * (1 + (inFlight * meanWeight) / weight);
  return waitingSince !== undefined && now - waitingSince > delay ? now - waitingSince : delay;
}

/**
 * What a node's pace counts as beside that of another: the same, unless they differ by more than a quarter. Two equal nodes never
 * measure quite alike, and where little is in flight all calls would go to the one that does better by a hair.
 */
export function comparedPace(pace: number, other: number): number {
  return pace < other * ALIKE && other < pace * ALIKE ? other : pace;
}

/** Of the two nodes that were drawn, the one that is expected to answer first; of equals the first drawn. */
export function sooner<N extends StrategyNode>({ first, second, meanWeight }: PairDraw<N>, now: number): N {
  const a = first.pace(now);
  const b = second.pace(now);
  const usual = a ?? b ?? UNSEEN_LATENCY;
  const delayOfFirst = expectedDelay(first, usual, meanWeight, now);
  const delayOfSecond = expectedDelay(second, comparedPace(b ?? usual, usual), meanWeight, now);
  return delayOfSecond < delayOfFirst ? second : first;
}
