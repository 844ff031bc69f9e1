import type { PickContext, Strategy, StrategyNode } from './strategy.js';

/** The first node of the list for as long as it is eligible, then the next one: a leader with stand-ins. */
export class PickFirst<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private nodes: readonly N[] = [];

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
  }

  pick({ tried }: PickContext<N>): N | undefined {
    if (tried === undefined) return this.nodes[0];
    return this.nodes.find((node) => !tried.has(node)) ?? this.nodes[0];
  }
}
