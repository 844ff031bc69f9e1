import { kilometresOfChord, toVector, type Coordinate, type Vector } from './sphere.js';

/** A point that was found, and how far away it is over ground. */
export interface Nearest<T> {
  readonly point: T;
  readonly distanceKm: number;
}

/**
 * Finds the point nearest to a coordinate in O(log n): a k-d tree over the unit sphere (J. L. Bentley, "Multidimensional
 * binary search trees used for associative searching", 1975). The tree is implicit: `order` is arranged so that the middle of
 * a range is its root, with what is smaller on the root's axis to its left and what is larger to its right.
 */
export class NearestIndex<T extends Coordinate> {
  /** x, y and z of each point, in the order in which the points were given. */
  private readonly vectors: Float64Array;
  /** The tree: indices into `points`. */
  private readonly order: Uint32Array;

  constructor(private readonly points: readonly T[]) {
    this.vectors = new Float64Array(points.length * 3);
    points.forEach((point, i) => this.vectors.set(toVector(point), i * 3));
    this.order = Uint32Array.from(points.keys());
    this.build(0, points.length, 0);
  }

  /** The nearest point; `undefined` only when there is none at all. */
  find(coordinate: Coordinate): Nearest<T> | undefined {
    const best = { index: -1, chordSquared: Infinity };
    this.search(toVector(coordinate), 0, this.order.length, 0, best);
    const point = this.points[best.index];
    return point && { point, distanceKm: kilometresOfChord(best.chordSquared) };
  }

  private build(from: number, to: number, axis: number): void {
    if (to - from < 2) return;
    const middle = (from + to) >>> 1;
    this.select(from, to - 1, middle, axis);
    this.build(from, middle, (axis + 1) % 3);
    this.build(middle + 1, to, (axis + 1) % 3);
  }

  /** Hoare's quickselect: puts the k-th smallest in its place, with nothing larger before and nothing smaller after it. */
  private select(from: number, to: number, k: number, axis: number): void {
    while (from < to) {
      const pivot = this.along(axis, (from + to) >>> 1);
      let i = from;
      let j = to;
      while (i <= j) {
        while (this.along(axis, i) < pivot) i++;
        while (this.along(axis, j) > pivot) j--;
        if (i <= j) this.swap(i++, j--);
      }
      if (k <= j) to = j;
      else if (k >= i) from = i;
      else return;
    }
  }

  private search(
    wanted: Vector,
    from: number,
    to: number,
    axis: 0 | 1 | 2,
    best: { index: number; chordSquared: number },
  ): void {
    if (from >= to) return;
    const middle = (from + to) >>> 1;
    const chordSquared = this.chordSquaredTo(wanted, middle);
    if (chordSquared < best.chordSquared) {
      best.chordSquared = chordSquared;
      best.index = at(this.order, middle);
    }
    const offset = wanted[axis] - this.along(axis, middle);
    const next = NEXT_AXIS[axis];
    if (offset < 0) this.search(wanted, from, middle, next, best);
    else this.search(wanted, middle + 1, to, next, best);
    // The other side can only hold something nearer if the plane between the two is nearer than the best so far.
    if (offset * offset >= best.chordSquared) return;
    if (offset < 0) this.search(wanted, middle + 1, to, next, best);
    else this.search(wanted, from, middle, next, best);
  }

  private chordSquaredTo([x, y, z]: Vector, position: number): number {
    return (
      (x - this.along(0, position)) ** 2 +
      (y - this.along(1, position)) ** 2 +
      (z - this.along(2, position)) ** 2
    );
  }

  private along(axis: number, position: number): number {
    return at(this.vectors, at(this.order, position) * 3 + axis);
  }

  private swap(a: number, b: number): void {
    const kept = at(this.order, a);
    this.order[a] = at(this.order, b);
    this.order[b] = kept;
  }
}

const NEXT_AXIS = [1, 2, 0] as const;

/** Reads an element that is known to be there. */
function at(values: Float64Array | Uint32Array, index: number): number {
  return values[index] ?? Number.NaN;
}
