import { explanationOf } from './scored.js';
import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from './strategy.js';

/** How often two strategies have named the same node. */
export interface DryRunCounts {
  readonly same: number;
  readonly different: number;
}

/**
 * Lets a second strategy decide alongside without acting: it sees the same nodes and is asked for the same picks, and what
 * it answers is only compared. What nodes measure comes from the picks of the first one, so a strategy by load shows how
 * it would go on from here and not how things would stand if it had acted.
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
    const other = this.watched.pick(call);
    if (node !== undefined) {
      if (other === node) this.same++;
      else this.different++;
    }
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
