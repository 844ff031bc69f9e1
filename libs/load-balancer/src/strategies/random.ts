import { scored } from './scored.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/** Any node, each as likely as the others: no state to coordinate, good with very many clients. */
export class Random<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private nodes: readonly N[] = [];

  constructor(private readonly deps: StrategyDeps) {}

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
  }

  pick(_call: PickContext<N>): N | undefined {
    return this.nodes[Math.floor(this.deps.random() * this.nodes.length)];
  }

  explain(_call: PickContext<N>): StrategyExplanation<N> {
    return scored('none: each is as likely as the others', this.nodes, () => undefined);
  }
}
