import type { EjectionPolicy } from './ejection-policy.js';
import type { EjectionState } from './ejection-state.js';
import { OutlierDetector, type EjectionRecord } from './outlier-detector.js';
import { SweepSchedule } from './sweep-schedule.js';

/** What a policy would have done. */
export interface DryEjectionReport {
  /** How often it would have taken a node out. */
  readonly ejections: number;
  /** How often a node's next call would have brought it back. */
  readonly returns: number;
  /** The nodes that would be out now, and why. */
  readonly out: readonly { readonly node: string; readonly reason: string }[];
}

export interface DryEjectionListener<N> {
  onWouldEject(node: N, reason: string): void;
  onWouldReturn(node: N): void;
}

/**
 * An ejection policy that decides alongside without acting: the very detector, told of the same attempts. A node that would
 * be out goes on taking calls here, so its trial is simply the next call after its time.
 */
export class DryEjection<N extends { readonly key: string }> {
  readonly detector: OutlierDetector<N>;
  private readonly schedule: SweepSchedule<N>;
  private readonly out = new Map<N, string>();
  private ejections = 0;
  private returns = 0;

  constructor(
    policy: EjectionPolicy,
    now: number,
    private readonly listener: DryEjectionListener<N>,
  ) {
    this.detector = new OutlierDetector(policy, (record, from) => this.changed(record, from));
    this.schedule = new SweepSchedule(this.detector, policy.interval, now);
  }

  get report(): DryEjectionReport {
    const out = Array.from(this.out, ([{ key: node }, reason]) => ({ node, reason }));
    return { ejections: this.ejections, returns: this.returns, out };
  }

  /** To be called about once a second. */
  upkeep(now: number): void {
    this.schedule.upkeep(now);
  }

  /** The node has left the service. */
  left(node: N): void {
    this.out.delete(node);
  }

  private changed({ node, state }: EjectionRecord<N>, from: EjectionState): void {
    switch (state.kind) {
      case 'ejected':
        this.ejections++;
        this.out.set(node, state.reason);
        this.listener.onWouldEject(node, state.reason);
        return;
      case 'half-open':
        return;
      case 'admitted':
        if (from.kind === 'admitted') return;
        this.returns++;
        this.out.delete(node);
        this.listener.onWouldReturn(node);
    }
  }
}
