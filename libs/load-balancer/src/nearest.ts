/** Longer names are not looked at: nobody mistypes them, and the work grows with the square of the length. */
const MAX_LENGTH = 64;

/** `; did you mean "timeout"?`, or nothing when no known name is close. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
}

/**
 * The known name that differs least, if it differs so little that it may be meant.
 *
 * @param slips how many are taken for slips: by default one in three characters
 */
export function nearestName(
  name: string,
  known: readonly string[],
  slips = Math.max(1, Math.floor(name.length / 3)),
): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  let nearest: string | undefined;
  let least = slips + 1;
  for (const candidate of known) {
    // Names that are as short as the slips allowed would be near to everything.
    if (candidate.length > MAX_LENGTH || candidate.length < least) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/**
 * The number of slips between two names: a character left out, added or replaced, or two neighbours swapped (the
 * optimal string alignment distance, a restricted Damerau–Levenshtein distance).
 */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, at(beforeLast, j - 2) + 1);
      }
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
