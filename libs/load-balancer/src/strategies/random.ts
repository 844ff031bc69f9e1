import type { PickContext, Strategy, StrategyDeps, StrategyNode } from './strategy.js';

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
}
