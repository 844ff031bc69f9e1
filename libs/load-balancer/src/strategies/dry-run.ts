import { explanationOf } from './scored.js';
import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from './strategy.js';

/** How often two strategies have decided the same. */
export interface DryRunCounts {
  readonly same: number;
  readonly different: number;
}

/**
 * Lets a second strategy decide alongside without acting: it sees the same nodes and calls, and what it would have picked
 * is only compared. What the nodes measure comes from the picks of the first one, so a strategy by load is shown how it
 * would go on from here and not how it would have been.
 *
 * The second one may not fail calls: give it guarded when it is a user's.
 */
export class DryRun<N extends StrategyNode> implements Strategy<N> {
  private same = 0;
  private different = 0;

  constructor(
    private readonly acting: Strategy<N>,
    private readonly watched: Strategy<N>,
  ) {}

  get counts(): DryRunCounts {
    return { same: this.same, different: this.different };
  }

  update(nodes: readonly N[]): void {
    this.acting.update(nodes);
    this.watched.update(nodes);
  }

  pick(call: PickContext<N>): N | undefined {
    const node = this.acting.pick(call);
    if (this.watched.pick(call) === node) this.same++;
    else this.different++;
    return node;
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
