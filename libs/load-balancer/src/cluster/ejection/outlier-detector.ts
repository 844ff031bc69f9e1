import type { AttemptOutcome } from '../attempt-record.js';
import { CallTally, verdictOf } from './call-tally.js';
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

/** Told of each change of state, after it. A dry run only counts what it is told. */
export type EjectionListener<N> = (record: EjectionRecord<N>, from: EjectionState) => void;

/**
 * Watches how the calls to the nodes of one service end and takes out those that stand out (Envoy's outlier detection,
 * gRFC A50), with a single trial call before a node takes calls again (Finagle's failure accrual).
 *
 * Failures in a row count at once; the statistics are looked at in `sweep`. A node that stands out in two ways is ejected
 * once, which grpc-js does not see to. Times are monotonic milliseconds.
 */
export class OutlierDetector<N> {
  private readonly records = new Set<MutableRecord<N>>();
  /** Ejected or half-open. */
  private out = 0;
  /** Half-open ones that no call tries yet, in the order in which their time was over. */
  private readonly untried = new Set<MutableRecord<N>>();

  constructor(
    private readonly policy: EjectionPolicy,
    private readonly onChange: EjectionListener<N>,
  ) {}

  /** Nodes that take no calls, but for a trial. */
  get ejected(): number {
    return this.out;
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
   * @param duration milliseconds
   * @param reason why it failed, in a few words
   */
  ended(
    record: EjectionRecord<N>,
    outcome: AttemptOutcome,
    duration: number,
    now: number,
    reason = '',
  ): void {
    const known = record as MutableRecord<N>;
    if (!this.records.has(known)) return;
    switch (verdictOf(outcome)) {
      case 'success':
        known.tally.success(duration);
        this.change(known, { type: 'succeeded' });
        return;
      case 'failure':
        this.failed(known, now, reason || outcome);
        return;
      case 'neutral':
        this.change(known, { type: 'undecided' });
        return;
    }
  }

  /** A node whose time is over, for one call to try; `undefined` when there is none. The call must go there. */
  takeTrial(): N | undefined {
    const [record] = this.untried;
    if (record === undefined) return undefined;
    this.change(record, { type: 'tried' });
    return record.node;
  }

  /** Lets nodes whose time is over have their trial. To be called about once a second. */
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
    for (const record of admitted) if (!found.has(record)) this.change(record, { type: 'swept' });
    for (const { tally } of this.records) tally.reset();
    this.release(now);
  }

  private failed(record: MutableRecord<N>, now: number, reason: string): void {
    const { tally } = record;
    tally.failure();
    const { consecutiveFailures } = this.policy;
    if (record.state.kind === 'half-open') {
      this.change(record, { type: 'failed', reason: `its trial call failed: ${reason}`, now });
    } else if (consecutiveFailures !== false && tally.inARow >= consecutiveFailures) {
      this.eject(record, `${tally.inARow} calls in a row failed: ${reason}`, now);
    }
  }

  /** The share that may be out is checked before each ejection, so that one always may (gRFC A50). */
  private eject(record: MutableRecord<N>, reason: string, now: number): void {
    if (this.out * 100 >= this.policy.maxEjectionPercent * this.records.size) return;
    this.change(record, { type: 'found', reason, now });
  }

  private change(record: MutableRecord<N>, event: EjectionEvent): void {
    const from = record.state;
    const state = ejectionTransition(from, event, this.policy);
    if (state === from) return;
    record.state = state;
    if (from.kind === 'admitted' && state.kind !== 'admitted') this.out++;
    if (from.kind !== 'admitted' && state.kind === 'admitted') this.out--;
    if (state.kind === 'half-open' && !state.trying) this.untried.add(record);
    else this.untried.delete(record);
    // What came before says nothing of the time after.
    if (state.kind !== from.kind) record.tally.inARow = 0;
    this.onChange(record, from);
  }
}
