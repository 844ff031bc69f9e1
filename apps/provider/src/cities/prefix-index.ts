import { fold } from './fold.js';

/**
 * Finds what begins with a prefix, case and accents aside: a binary search over the sorted names, then the best of the range.
 * What was given first ranks highest.
 */
export class PrefixIndex<T extends { readonly name: string }> {
  /** Positions in `ranked`, sorted by the folded name. */
  private readonly order: Uint32Array;
  /** The folded names in that order. */
  private readonly names: readonly string[];

  constructor(private readonly ranked: readonly T[]) {
    const folded = ranked
      .map(({ name }, rank) => ({ name: fold(name), rank }))
      // By code unit, not by locale: the binary search compares in the same way.
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.rank - b.rank));
    this.order = Uint32Array.from(folded, ({ rank }) => rank);
    this.names = folded.map(({ name }) => name);
  }

  /** At most `limit` matches, the highest ranking first. */
  find(prefix: string, limit: number): T[] {
    const folded = fold(prefix);
    const from = this.lowerBound(folded);
    // No name holds this non-character, so all that begins with the prefix stands before it.
    const to = this.lowerBound(`${folded}\uffff`);
    return Array.from(this.order.subarray(from, to).toSorted().subarray(0, limit)).flatMap(
      (rank) => this.ranked[rank] ?? [],
    );
  }

  /** Where the first name stands that is not smaller. */
  private lowerBound(wanted: string): number {
    let from = 0;
    let to = this.names.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.names[middle] ?? '') < wanted) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
