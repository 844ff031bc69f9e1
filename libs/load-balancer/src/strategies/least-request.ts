import type { PickContext, Strategy, StrategyDeps, StrategyNode } from './strategy.js';

/**
 * The power of two choices (Mitzenmacher 1996; Envoy's and Finagle's default): draws two *distinct* nodes and takes
 * the one with fewer calls in flight. Of equals the first drawn wins, which is itself a fair draw.
 */
export class LeastRequest<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private nodes: readonly N[] = [];

  constructor(private readonly deps: StrategyDeps) {}

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
  }

  pick(_call: PickContext<N>): N | undefined {
    const { nodes } = this;
    const count = nodes.length;
    if (count < 2) return nodes[0];
    const { random } = this.deps;
    const first = Math.floor(random() * count);
    const other = Math.floor(random() * (count - 1));
    const a = nodes[first] as N;
    const b = nodes[other < first ? other : other + 1] as N;
    return b.inFlight < a.inFlight ? b : a;
  }
}
