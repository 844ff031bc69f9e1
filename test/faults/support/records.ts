/** One call, as its caller saw it. */
export interface CallRecord {
  readonly id: string;
  /** The index of what it was made with. */
  readonly kind: number;
  /** When it was made, in milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds until it was settled. */
  readonly took: number;
  /** The name of the node that answered; `undefined` when it failed. */
  readonly node?: string;
  /** Milliseconds that the node's handler took. */
  readonly served?: number;
  /** Milliseconds of these in which it worked, and did not wait for a slot. */
  readonly worked?: number;
  /** The id of another call, whose answer it was given. */
  readonly answerOf?: string;
  /** The error's code, when it failed. */
  readonly code?: string;
  readonly message?: string;
  readonly attempts?: readonly { readonly node: string; readonly outcome: string }[];
}

/** Milliseconds since 1970, on the clock of the records. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

export const failed = (calls: readonly CallRecord[]): CallRecord[] =>
  calls.filter(({ code }) => code !== undefined);

/** Calls made from `from` to `to`. */
export const madeIn = (calls: readonly CallRecord[], from: number, to: number): CallRecord[] =>
  calls.filter(({ at }) => at >= from && at < to);

/** Calls answered from `from` to `to`. */
export const answeredIn = (calls: readonly CallRecord[], from: number, to: number): CallRecord[] =>
  calls.filter(({ at, took, code }) => code === undefined && at + took >= from && at + took < to);

/** A percentile (0–100) of values; `NaN` of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length))] ?? NaN;
}

export const latency = (calls: readonly CallRecord[], share: number): number =>
  percentile(
    calls.map(({ took }) => took),
    share,
  );

/** How many calls each node answered. */
export function answersByNode(calls: readonly CallRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { node } of calls) if (node !== undefined) counts[node] = (counts[node] ?? 0) + 1;
  return counts;
}

/** How many calls failed with each code. */
export function failuresByCode(calls: readonly CallRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of calls) if (code !== undefined) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** Calls that were begun more than once, by anybody. */
export function processedTwice(
  calls: readonly CallRecord[],
  executions: ReadonlyMap<string, number>,
): CallRecord[] {
  return calls.filter(({ id }) => (executions.get(id) ?? 0) > 1);
}
