import type { CallTally } from './call-tally.js';
import type { EjectionPolicy } from './ejection-policy.js';

/** A node that stands out, and how. */
export interface Outlier<R> {
  readonly record: R;
  /** In a few words, with the figures. */
  readonly reason: string;
}

interface Tallied {
  readonly tally: CallTally;
}

type Check<K extends 'successRate' | 'failurePercentage' | 'latency'> = Exclude<EjectionPolicy[K], false>;

/**
 * With five nodes, one that fails a single call is two σ below the mean: the formula alone would take it out for that, as
 * Envoy does.
 */
const NOTICEABLE = 0.05;

/** Nodes whose success rate is below mean − deviations × σ (of the population) of all that have enough requests; worst first. */
export function bySuccessRate<R extends Tallied>(
  records: readonly R[],
  { deviations, minimumNodes, minimumRequests }: Check<'successRate'>,
): Outlier<R>[] {
  const busy = records.filter(({ tally }) => tally.requests >= minimumRequests);
  if (busy.length < Math.max(1, minimumNodes)) return [];
  const mean = busy.reduce((sum, { tally }) => sum + tally.successRate, 0) / busy.length;
  const variance = busy.reduce((sum, { tally }) => sum + (tally.successRate - mean) ** 2, 0) / busy.length;
  const threshold = mean - Math.max(NOTICEABLE, deviations * Math.sqrt(variance));
  return busy
    .filter(({ tally }) => tally.successRate < threshold)
    .sort((a, b) => a.tally.successRate - b.tally.successRate)
    .map((record) => ({
      record,
      reason: `${percent(record.tally.successRate)} of its calls succeeded, of all nodes ${percent(mean)}`,
    }));
}

/** Nodes with enough requests of which more than the threshold failed; worst first. */
export function byFailurePercentage<R extends Tallied>(
  records: readonly R[],
  { threshold, minimumNodes, minimumRequests }: Check<'failurePercentage'>,
): Outlier<R>[] {
  const busy = records.filter(({ tally }) => tally.requests >= minimumRequests);
  if (busy.length < minimumNodes) return [];
  return busy
    .filter(({ tally }) => tally.failures * 100 > threshold * tally.requests)
    .sort((a, b) => a.tally.successRate - b.tally.successRate)
    .map((record) => ({ record, reason: `${percent(1 - record.tally.successRate)} of its calls failed` }));
}

/** Nodes whose mean latency exceeds the median of the nodes by the factor; slowest first. */
export function byLatency<R extends Tallied>(
  records: readonly R[],
  { factor, tolerated, minimumNodes, minimumRequests }: Check<'latency'>,
): Outlier<R>[] {
  const busy = records
    .filter(({ tally }) => tally.successes >= Math.max(1, minimumRequests))
    .sort((a, b) => b.tally.meanLatency - a.tally.meanLatency);
  const middle = busy[busy.length >> 1];
  if (middle === undefined || busy.length < minimumNodes) return [];
  const median = middle.tally.meanLatency;
  return busy
    .filter(({ tally }) => tally.meanLatency > Math.max(tolerated, median * factor))
    .map((record) => ({
      record,
      reason: `it took ${Math.round(record.tally.meanLatency)} ms a call, the median node ${Math.round(median)} ms`,
    }));
}

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
