import { PairDraw } from './pair-draw.js';
import { scored } from './scored.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/**
 * The power of two choices (Mitzenmacher 1996; Envoy's and Finagle's default): draws two *distinct* nodes by weight and
 * takes the one with the lower (calls in flight + 1) / weight, as Envoy does. Of equals the first drawn wins, which is
 * itself a fair draw.
 */
export class LeastRequest<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private readonly pair: PairDraw<N>;

  constructor({ random }: StrategyDeps) {
    this.pair = new PairDraw(random);
  }

  update(nodes: readonly N[]): void {
    this.pair.update(nodes);
  }

  pick(_call: PickContext<N>): N | undefined {
    const { pair } = this;
    if (!pair.draw()) return pair.nodes[0];
    return quieter(pair.first, pair.second);
  }

  explain(_call: PickContext<N>): StrategyExplanation<N> {
    return scored(
      '(calls in flight + 1) / weight',
      this.pair.nodes,
      ({ inFlight, weight }) => (inFlight + 1) / weight,
    );
  }
}

/**
 * Of two nodes that were drawn by weight, the one with the lower (calls in flight + 1) / weight. The first one is taken as
 * it is when it has nothing to do: to compare would count its weight a second time, and in a quiet service the lightest
 * nodes would never get a call.
 */
export function quieter<N extends StrategyNode>(first: N, second: N): N {
  if (first.inFlight === 0) return first;
  return (second.inFlight + 1) * first.weight < (first.inFlight + 1) * second.weight ? second : first;
}
