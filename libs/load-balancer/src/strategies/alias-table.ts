/**
 * Draws an index with the chance that its weight gives it, in constant time: the alias method (Walker 1977, in the
 * numerically stable form of Vose 1991). Building it is O(n).
 */
export class AliasTable {
  /** Of each column, the share that belongs to its own index; the rest belongs to its alias. */
  private readonly own: Float64Array;
  private readonly alias: Uint32Array;

  /** @param weights not empty, each ≥ 0, not all 0 */
  constructor(weights: readonly number[]) {
    const count = weights.length;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.own = Float64Array.from(weights, (weight) => (weight * count) / total);
    this.alias = Uint32Array.from(weights, (_, index) => index);

    const small: number[] = [];
    const large: number[] = [];
    for (let index = 0; index < count; index++) (this.shareOf(index) < 1 ? small : large).push(index);
    for (;;) {
      const giver = large.at(-1);
      const taker = small.pop();
      if (giver === undefined || taker === undefined) break;
      this.alias[taker] = giver;
      const left = this.shareOf(giver) + this.shareOf(taker) - 1;
      this.own[giver] = left;
      if (left >= 1) continue;
      large.pop();
      small.push(giver);
    }
    // What is left over is 1 but for rounding.
    for (const index of small) this.settle(index);
    for (const index of large) this.settle(index);
  }

  /** @param chance uniform in [0, 1) */
  draw(chance: number): number {
    const scaled = chance * this.own.length;
    const column = Math.floor(scaled);
    return scaled - column < this.shareOf(column) ? column : (this.alias[column] as number);
  }

  private shareOf(index: number): number {
    return this.own[index] as number;
  }

  private settle(index: number): void {
    // A weight of 0 has no share, whatever rounding says.
    if (this.own[index] !== 0) this.own[index] = 1;
  }
}
