import { AliasTable } from './alias-table.js';
import type { StrategyNode } from './strategy.js';

/** Draws by weight that may come out as the first node again before the second one is drawn regardless of weight. */
const REDRAWS = 3;

/**
 * Draws two *distinct* nodes, each with the chance that its weight gives it: what the power of two choices chooses from.
 * Two draws that may be the same node leave one choice with a chance of 1/n, which shows when nodes are few.
 * The pair is left in two fields, since a pick allocates nothing.
 */
export class PairDraw<N extends StrategyNode> {
  nodes: readonly N[] = [];
  first!: N;
  second!: N;
  meanWeight = 1;
  /** `undefined` when all weights are the same. */
  private table: AliasTable | undefined = undefined;

  constructor(private readonly random: () => number) {}

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
    const weight = nodes[0]?.weight ?? 1;
    const equal = nodes.every((node) => node.weight === weight);
    this.table = equal ? undefined : new AliasTable(nodes.map((node) => node.weight));
    this.meanWeight = equal ? weight : nodes.reduce((sum, node) => sum + node.weight, 0) / nodes.length;
  }

  /** @returns whether there is a pair; with fewer than two nodes there is none */
  draw(): boolean {
    const { nodes, table } = this;
    const count = nodes.length;
    if (count < 2) return false;
    if (table === undefined) {
      const first = Math.floor(this.random() * count);
      this.settle(first, this.anyBut(first));
      return true;
    }
    const first = table.draw(this.random());
    for (let redraw = 0; redraw <= REDRAWS; redraw++) {
      const second = table.draw(this.random());
      if (second !== first) {
        this.settle(first, second);
        return true;
      }
    }
    this.settle(first, this.anyBut(first));
    return true;
  }

  private anyBut(first: number): number {
    const other = Math.floor(this.random() * (this.nodes.length - 1));
    return other < first ? other : other + 1;
  }

  private settle(first: number, second: number): void {
    this.first = this.nodes[first] as N;
    this.second = this.nodes[second] as N;
  }
}
