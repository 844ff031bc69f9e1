import type { AttemptOutcome } from '../attempt-record.js';
import { CallTally } from './call-tally.js';
import type { EjectionPolicy } from './ejection-policy.js';
import {
  ejectionTransition,
  NEVER_EJECTED,
  type EjectionEvent,
  type EjectionState,
} from './ejection-state.js';
import { byFailurePercentage, byLatency, bySuccessRate, type Outlier } from './outlier-checks.js';

/** What the detector knows of a node. Its owner keeps it with the node, so that nothing is looked up for a call. */
export interface EjectionRecord<N> {
  readonly node: N;
  readonly tally: CallTally;
  readonly state: EjectionState;
}

interface MutableRecord<N> extends EjectionRecord<N> {
  state: EjectionState;
}

// Made once: most of them are told of for every call.
const SUCCEEDED: EjectionEvent = { type: 'succeeded' };
const RECOVERED: EjectionEvent = { type: 'recovered' };
const UNDECIDED: EjectionEvent = { type: 'undecided' };
const TRIED: EjectionEvent = { type: 'tried' };
const SWEPT: EjectionEvent = { type: 'swept' };

/** Told of each change of state, after it. */
export type EjectionListener<N> = (record: EjectionRecord<N>, from: EjectionState) => void;

/**
 * Watches how the calls to the nodes of one service end and takes out those that stand out (Envoy's outlier detection,
 * gRFC A50), with a single trial before a node takes calls again (Finagle's failure accrual). The trial is a call and not a
 * probe: a server answers probes before any handler runs, so they say nothing of what the node was taken out for. It may be
 * any first attempt, idempotent or not, since a service may have no idempotent calls, and one call a time out is no more
 * than any node that is taken for well may fail.
 *
 * Failures in a row count at once; the statistics are looked at in `sweep`. A node that stands out in two ways is ejected
 * once, which grpc-js does not see to. Times are monotonic milliseconds.
 */
export class OutlierDetector<N> {
  private readonly records = new Set<MutableRecord<N>>();
  /** Ejected or half-open. */
  private out = 0;
  /** Half-open ones that the next call is to try. */
  private readonly untried = new Set<MutableRecord<N>>();

  constructor(
    private readonly policy: EjectionPolicy,
    private readonly onChange: EjectionListener<N>,
  ) {}

  /** Nodes that take no calls, but for a trial. */
  get ejected(): number {
    return this.out;
  }

  /** Is there a node that waits for its trial? */
  get awaitsTrial(): boolean {
    return this.untried.size > 0;
  }

  add(node: N): EjectionRecord<N> {
    const record: MutableRecord<N> = { node, tally: new CallTally(), state: NEVER_EJECTED };
    this.records.add(record);
    return record;
  }

  /** The node has left. */
  remove(record: EjectionRecord<N>): void {
    const known = record as MutableRecord<N>;
    if (!this.records.delete(known)) return;
    this.untried.delete(known);
    if (known.state.kind !== 'admitted') this.out--;
  }

  /**
   * An attempt on the node has ended. O(1).
   *
   * An application error is an answer, so the node is well. So is one that says it is overloaded or about to stop: to take
   * it out for that would send its calls to the others, which have as much to do. A connection that is refused shows in the
   * state of the connection, which weighs more than ejection and ends as soon as the node is back.
   *
   * @param duration milliseconds
   * @param aftermath it failed from the same cause as the last one, say with the same connection: the row of failures does
   *   not grow, or a single restart of a busy node would look like many
   */
  ended(
    record: EjectionRecord<N>,
    outcome: AttemptOutcome,
    duration: number,
    now: number,
    aftermath = false,
  ): void {
    const known = record as MutableRecord<N>;
    switch (outcome) {
      case 'answered':
        known.tally.success(duration);
        this.change(known, SUCCEEDED);
        return;
      case 'lost':
        this.failed(known, 'was lost', now, aftermath);
        return;
      case 'timed-out':
        this.failed(known, 'timed out', now, aftermath);
        return;
      case 'sent':
        // Of a node that gets nothing but events there is nothing better to know.
        known.tally.inARow = 0;
        this.change(known, SUCCEEDED);
        return;
      case 'refused':
      case 'rejected':
      case 'cancelled':
        this.change(known, UNDECIDED);
        return;
    }
  }

  /** An attempt that goes on, perhaps for hours, has had the first part of its answer. */
  heard(record: EjectionRecord<N>): void {
    const known = record as MutableRecord<N>;
    known.tally.inARow = 0;
    this.change(known, SUCCEEDED);
  }

  /**
   * Its probes had failed and succeed again, so the process that lost its calls hung and does so no longer. Probes that never
   * failed while calls did say nothing: they are answered before any handler runs.
   */
  recovered(record: EjectionRecord<N>): void {
    const known = record as MutableRecord<N>;
    known.tally.inARow = 0;
    this.change(known, RECOVERED);
  }

  /** A node that a call is to try, out of those that `able` accepts; `undefined` when there is none. */
  trial(able: (node: N) => boolean): N | undefined {
    for (const { node } of this.untried) if (able(node)) return node;
    return undefined;
  }

  /** An attempt on the node begins: if it waits for its trial, this is it. */
  began(record: EjectionRecord<N>): void {
    if (record.state.kind === 'half-open') this.change(record, TRIED);
  }

  /**
   * Lets nodes whose time is over have their trial, and those whose trial told nothing another one. To be called about once
   * a second, which is also how many trials a node has at most.
   */
  release(now: number): void {
    if (this.out === 0) return;
    for (const record of this.records) this.change(record, { type: 'passed', now });
  }

  /** Looks at the statistics and begins new ones. To be called once in `policy.interval`. O(n log n). */
  sweep(now: number): void {
    const { successRate, failurePercentage, latency } = this.policy;
    const admitted = [...this.records].filter(({ state }) => state.kind === 'admitted');
    const found = new Map<MutableRecord<N>, string>();
    const note = ({ record, reason }: Outlier<MutableRecord<N>>): void => {
      if (!found.has(record)) found.set(record, reason);
    };
    if (successRate) bySuccessRate(admitted, successRate).forEach(note);
    if (failurePercentage) byFailurePercentage(admitted, failurePercentage).forEach(note);
    if (latency) byLatency(admitted, latency).forEach(note);
    for (const [record, reason] of found) this.eject(record, reason, now);
    for (const record of admitted) if (!found.has(record)) this.change(record, SWEPT);
    for (const { tally } of this.records) tally.reset();
    this.release(now);
  }

  /** @param how what became of the attempt: `timed out` */
  private failed(record: MutableRecord<N>, how: string, now: number, aftermath: boolean): void {
    const { tally } = record;
    const { consecutiveFailures, maxEjectionTime } = this.policy;
    // A failure counts in a row for as long as anything is held against a node.
    tally.failure(now, maxEjectionTime, aftermath);
    if (record.state.kind === 'half-open') {
      this.change(record, { type: 'failed', reason: `its trial call ${how}`, now });
    } else if (consecutiveFailures !== false && tally.inARow >= consecutiveFailures) {
      this.eject(record, `${tally.inARow} calls in a row failed, the last one ${how}`, now);
    }
  }

  /** The share that may be out is checked before each ejection, so that one always may (gRFC A50) unless it is 0. */
  private eject(record: MutableRecord<N>, reason: string, now: number): void {
    if (this.out * 100 >= this.policy.maxEjectionPercent * this.records.size) return;
    this.change(record, { type: 'found', reason, now });
  }

  private change(record: MutableRecord<N>, event: EjectionEvent): void {
    const from = record.state;
    const state = ejectionTransition(from, event, this.policy);
    // Whoever was told of another change may have removed the node in the middle of a sweep.
    if (state === from || !this.records.has(record)) return;
    record.state = state;
    if (from.kind === 'admitted' && state.kind !== 'admitted') this.out++;
    if (from.kind !== 'admitted' && state.kind === 'admitted') this.out--;
    if (state.kind === 'half-open' && state.trial === 'due') this.untried.add(record);
    else this.untried.delete(record);
    // What came before says nothing of the time after.
    if (state.kind !== from.kind) record.tally.inARow = 0;
    this.onChange(record, from);
  }
}
