import { explanationOf } from './scored.js';
import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from './strategy.js';

/**
 * Stands round a strategy that a user wrote: when it throws, or names a node that is not in the snapshot, the call goes
 * to the next node of the snapshot instead of failing, and the reason is told once until it changes.
 */
export class GuardedStrategy<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private nodes: readonly N[] = [];
  private members: ReadonlySet<StrategyNode> = new Set();
  private turn = 0;
  private told = '';

  readonly usesHashKey: boolean;
  /** Only there when the strategy has it: what nobody listens to is not told, and needs no timer. */
  readonly observe?: (node: N) => void;
  readonly refresh?: () => void;

  constructor(
    private readonly inner: Strategy<N>,
    private readonly onFault: (reason: string) => void,
  ) {
    this.usesHashKey = inner.usesHashKey === true;
    if (inner.observe)
      this.observe = (node) => {
        if (this.members.has(node)) this.attempt('observe', () => inner.observe?.(node));
      };
    if (inner.refresh) this.refresh = () => this.attempt('refresh', () => inner.refresh?.());
  }

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
    this.members = new Set<StrategyNode>(nodes);
    this.attempt('update', () => this.inner.update(nodes));
  }

  pick(call: PickContext<N>): N | undefined {
    try {
      const node = this.inner.pick(call);
      if (node !== undefined && this.members.has(node)) return node;
      if (this.nodes.length > 0)
        this.fault(node ? 'pick() returned a node that is not eligible' : 'pick() returned no node');
    } catch (error) {
      this.fault(`pick() threw: ${String(error)}`);
    }
    return this.nodes.length === 0 ? undefined : this.nodes[this.turn++ % this.nodes.length];
  }

  explain(call: PickContext<N>): StrategyExplanation<N> {
    let told: unknown;
    this.attempt('explain', () => (told = explanationOf(this.inner, call)));
    if (isExplanation<N>(told)) return told;
    if (told !== undefined) this.fault('explain() returned no explanation');
    return { basis: 'not told by this strategy', scores: new Map(), choice: undefined };
  }

  private attempt(method: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fault(`${method}() threw: ${String(error)}`);
    }
  }

  private fault(reason: string): void {
    if (reason === this.told) return;
    this.told = reason;
    this.onFault(reason);
  }
}

function isExplanation<N extends StrategyNode>(told: unknown): told is StrategyExplanation<N> {
  if (typeof told !== 'object' || told === null) return false;
  const { basis, scores, leftOut, remarks } = told as Partial<Record<keyof StrategyExplanation, unknown>>;
  return typeof basis === 'string' && scores instanceof Map && [leftOut, remarks].every(isTextByNode);
}

function isTextByNode(told: unknown): boolean {
  if (told === undefined) return true;
  return told instanceof Map && [...told.values()].every((text) => typeof text === 'string');
}
