import { scored } from './scored.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/**
 * Each node in turn. The first turn is drawn at random, so that many clients started together do not all begin with
 * the same node; the turn survives changes of the set.
 */
export class RoundRobin<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private nodes: readonly N[] = [];
  private turn = -1;

  constructor(private readonly deps: StrategyDeps) {}

  update(nodes: readonly N[]): void {
    if (this.turn < 0 && nodes.length > 0) this.turn = Math.floor(this.deps.random() * nodes.length);
    this.nodes = nodes;
  }

  pick(_call: PickContext<N>): N | undefined {
    const { nodes } = this;
    if (nodes.length === 0) return undefined;
    if (this.turn >= nodes.length) this.turn = 0;
    return nodes[this.turn++];
  }

  /** A score is the number of calls until a node's turn comes. */
  explain(_call: PickContext<N>): StrategyExplanation<N> {
    const { nodes } = this;
    const turn = this.turn < nodes.length ? this.turn : 0;
    const scores = new Map(nodes.map((node, i) => [node, ((i - turn + nodes.length) % nodes.length) + 1]));
    return scored('calls until its turn', nodes, (node) => scores.get(node));
  }
}
