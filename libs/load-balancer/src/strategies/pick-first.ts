import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/** What `pick-first` takes beside its name. */
export interface PickFirstOptions {
  /**
   * Whether each client draws its node, so that many clients do not all sit on the first one of the list; `true` by
   * default. With `false` it is the first of the list that is eligible: a leader with stand-ins, to which calls return.
   */
  readonly shuffle?: boolean;
}

/**
 * One node for all calls (gRPC's `pick_first`): the same one for as long as it is eligible, wherever the list puts it, so
 * that its connection and its caches stay warm. When it goes, another one.
 */
export class PickFirst<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private nodes: readonly N[] = [];
  /** Index of the node that all calls go to. */
  private chosen = 0;
  private readonly shuffle: boolean;

  constructor(
    private readonly deps: Pick<StrategyDeps, 'random'>,
    { shuffle = true }: PickFirstOptions = {},
  ) {
    this.shuffle = shuffle;
  }

  update(nodes: readonly N[]): void {
    const current = this.nodes[this.chosen];
    this.nodes = nodes;
    if (!this.shuffle) return;
    const kept = current === undefined ? -1 : nodes.indexOf(current);
    this.chosen = kept >= 0 ? kept : this.draw();
  }

  /** A call that failed there goes to the next untried one, from the leader or, shuffled, from a node drawn anew. */
  pick({ tried }: PickContext<N>): N | undefined {
    const { nodes, chosen } = this;
    const node = nodes[chosen];
    if (node === undefined || !tried?.has(node)) return node;
    const start = this.shuffle ? this.draw() : chosen;
    // No more than the tried ones are passed over.
    for (let step = 0; step < nodes.length; step++) {
      const other = nodes[(start + step) % nodes.length] as N;
      if (!tried.has(other)) return other;
    }
    return node;
  }

  /** For a call that failed there, only the unshuffled list tells the next one before it is drawn. */
  explain({ tried }: PickContext<N>): StrategyExplanation<N> {
    const { nodes, chosen } = this;
    const leader = nodes[chosen];
    const scores = new Map(leader ? [[leader, 0]] : []);
    const choice = leader && tried?.has(leader) ? this.next(tried) : leader;
    return { basis: 'the node that all calls go to', scores, choice };
  }

  private next(tried: ReadonlySet<N>): N | undefined {
    return this.shuffle ? undefined : this.nodes.find((node) => !tried.has(node));
  }

  private draw(): number {
    return Math.floor(this.deps.random() * this.nodes.length);
  }
}
