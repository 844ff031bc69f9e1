import { comparedPace, expectedDelay, UNSEEN_LATENCY } from './expected-delay.js';
import { PairDraw } from './pair-draw.js';
import { scored } from './scored.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/**
 * Two choices by expected delay (Finagle's `p2cPeakEwma`), and a third from memory: of two distinct nodes drawn by weight
 * and the runner-up of the last pick, the one with the lowest pace × (1 + calls in flight by weight), or age of its oldest
 * unanswered call when that is more.
 *
 * In place of Finagle's peak latency stands the node's pace (`StrategyNode.pace`), an average in which only failures are
 * peaks: that a node gets slow shows in the age of its calls sooner than in an answer, and a peak that is remembered keeps
 * calls from a node that has long recovered.
 *
 * The memory (Mitzenmacher, Prabhakar and Shah 2002) is for the draws that find two slow nodes: with one node in ten slow
 * these are one in a hundred, which is just what a p99 shows.
 *
 * A node of which nothing is known yet is expected to be as fast as the ones that it is compared with. A fixed guess, as
 * in Finagle and linkerd, either floods a new node or, where calls are faster than the guess, leaves it without any for
 * most of a minute.
 */
export class PeakEwma<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private readonly pair: PairDraw<N>;
  private runnerUp: N | undefined = undefined;

  constructor(private readonly deps: StrategyDeps) {
    this.pair = new PairDraw(deps.random);
  }

  update(nodes: readonly N[]): void {
    this.pair.update(nodes);
    this.runnerUp = undefined;
  }

  pick(call: PickContext<N>): N | undefined {
    const { pair } = this;
    if (!pair.draw()) return pair.nodes[0];
    const { first, second, meanWeight } = pair;
    const now = call.now ?? this.deps.now();
    const a = first.pace(now);
    const b = second.pace(now);
    const usual = a ?? b ?? UNSEEN_LATENCY;
    const delayOfFirst = expectedDelay(first, usual, meanWeight, now);
    const delayOfSecond = expectedDelay(second, comparedPace(b ?? usual, usual), meanWeight, now);

    // Of equals the first drawn wins, so that equal nodes are as likely as their weights are.
    const secondWins = delayOfSecond < delayOfFirst;
    let best = secondWins ? second : first;
    let next = secondWins ? first : second;
    const third = this.runnerUp;
    if (third !== undefined && third !== first && third !== second) {
      const delay = expectedDelay(third, comparedPace(third.pace(now) ?? usual, usual), meanWeight, now);
      if (delay < Math.min(delayOfFirst, delayOfSecond)) {
        next = best;
        best = third;
      } else if (delay < Math.max(delayOfFirst, delayOfSecond)) {
        next = third;
      }
    }
    this.runnerUp = next;
    return best;
  }

  explain(_call: PickContext<N>): StrategyExplanation<N> {
    const now = this.deps.now();
    const { nodes, meanWeight } = this.pair;
    let sum = 0;
    let known = 0;
    for (const node of nodes) {
      const pace = node.pace(now);
      if (pace === undefined) continue;
      sum += pace;
      known++;
    }
    // In a pick, it would be that of the node beside it.
    const usual = known === 0 ? UNSEEN_LATENCY : sum / known;
    return scored(
      'pace in ms × (1 + calls in flight / weight × mean weight), or age of the oldest call',
      nodes,
      (node) => expectedDelay(node, node.pace(now) ?? usual, meanWeight, now),
    );
  }
}
