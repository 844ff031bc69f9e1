import { PairDraw } from './pair-draw.js';
import { scored } from './scored.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/** Linkerd's default: what two nodes of which nothing is known are expected to take, in milliseconds. */
const UNSEEN_LATENCY = 30;

/**
 * Two choices by expected delay (Finagle's `p2cPeakEwma`): of two distinct nodes drawn by weight, the one with the lower
 * latency × (calls in flight + 1) / weight. The latency is the node's own measure (`StrategyNode.peakLatency`), or the age
 * of its oldest unanswered call when that is more: a node that stalls is seen before it answers.
 *
 * A node of which nothing is known yet is expected to be as fast as the one that it is compared with. A fixed guess, as
 * in Finagle and linkerd, either floods a new node or, where calls are faster than the guess, leaves it without any for
 * most of a minute.
 */
export class PeakEwma<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private readonly pair: PairDraw<N>;

  constructor(private readonly deps: StrategyDeps) {
    this.pair = new PairDraw(deps.random);
  }

  update(nodes: readonly N[]): void {
    this.pair.update(nodes);
  }

  pick(call: PickContext<N>): N | undefined {
    const { pair } = this;
    if (!pair.draw()) return pair.nodes[0];
    const { first, second } = pair;
    const now = call.now ?? this.deps.now();
    const a = first.peakLatency(now);
    const b = second.peakLatency(now);
    const costA = atLeastAge(a ?? b ?? UNSEEN_LATENCY, first, now) * (first.inFlight + 1);
    const costB = atLeastAge(b ?? a ?? UNSEEN_LATENCY, second, now) * (second.inFlight + 1);
    return costB * first.weight < costA * second.weight ? second : first;
  }

  explain(_call: PickContext<N>): StrategyExplanation<N> {
    const now = this.deps.now();
    return scored('expected latency in ms × (calls in flight + 1) / weight', this.pair.nodes, (node) => {
      const latency = node.peakLatency(now);
      if (latency === undefined) return undefined;
      return (atLeastAge(latency, node, now) * (node.inFlight + 1)) / node.weight;
    });
  }
}

/** A call that has been waiting for longer than the latency says more than the latency does. */
function atLeastAge(latency: number, { waitingSince }: StrategyNode, now: number): number {
  return waitingSince === undefined ? latency : Math.max(latency, now - waitingSince);
}
