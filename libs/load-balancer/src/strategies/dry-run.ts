import { explanationOf } from './scored.js';
import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from './strategy.js';

/** How often two strategies have come to the same node for a call. */
export interface DryRunCounts {
  readonly same: number;
  readonly different: number;
}

/**
 * Lets a second strategy decide alongside without acting: it sees the same nodes, and whoever picks asks it for the same
 * calls and only compares what it answers. What nodes measure comes from the picks of the first one, so a strategy by load shows how
 * it would go on from here and not how things would stand if it had acted.
 *
 * The second one may not fail calls: give it guarded when it is a user's.
 */
export class DryRun<N extends StrategyNode> implements Strategy<N> {
  private same = 0;
  private different = 0;

  constructor(
    private readonly acting: Strategy<N>,
    /** The one that looks on. */
    readonly watched: Strategy<N>,
  ) {}

  get counts(): DryRunCounts {
    return { same: this.same, different: this.different };
  }

  update(nodes: readonly N[]): void {
    this.acting.update(nodes);
    this.watched.update(nodes);
  }

  pick(call: PickContext<N>): N | undefined {
    return this.acting.pick(call);
  }

  /** A call has been given to a node, and the second one would have given it to another, or the same. */
  compare(taken: N, other: N | undefined): void {
    if (taken === other) this.same++;
    else this.different++;
  }

  observe(node: N): void {
    this.acting.observe?.(node);
    this.watched.observe?.(node);
  }

  refresh(): void {
    this.acting.refresh?.();
    this.watched.refresh?.();
  }

  explain(call: PickContext<N>): StrategyExplanation<N> {
    return explanationOf(this.acting, call);
  }
}
