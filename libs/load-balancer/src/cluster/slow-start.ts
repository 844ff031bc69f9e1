import { explanationOf } from '../strategies/scored.js';
import type { PickContext, Strategy, StrategyExplanation, StrategyNode } from '../strategies/strategy.js';

/** How a node that has just become ready is given more and more calls. The defaults are Envoy's, but for the window. */
export interface SlowStartOptions {
  /** Milliseconds until it gets its full share; 30 000 by default. */
  window?: number;
  /** 1, the default, is a straight line; above it, the share rises faster at first. 0.1–10. */
  aggression?: number;
  /** The share (0–1) that it starts with; 0.1 by default. */
  minWeight?: number;
}

/** A node that tells since when it takes calls. */
export interface StartingNode extends StrategyNode {
  /** Monotonic milliseconds at which it joined or came back; `-Infinity` for one that was there from the start. */
  readonly readySince: number;
  /** 0 is the highest. */
  readonly priority: number;
}

/** The nodes of one priority. */
interface Level<N> {
  readonly priority: number;
  readonly nodes: N[];
}

/** Envoy's formula: max(minimum, (t / window)^(1 / aggression)), at most 1. */
export function slowStartShare(
  age: number,
  { window, aggression, minWeight }: Readonly<Required<SlowStartOptions>>,
): number {
  if (age >= window) return 1;
  return Math.max(minWeight, (Math.max(0, age) / window) ** (1 / aggression));
}

/** How often the strategy is asked again when it names a node that is to be spared. */
const ASK_AGAIN = 3;

/**
 * Puts a slow start round any strategy, also those that know no weights: of the calls that the strategy gives to a node
 * that has just become ready, only the share that is due to its age goes there, the rest to nodes that have been ready for
 * longer. Shares are relative to that of the oldest node: of nodes that have all just started none is spared. Where the
 * strategy goes by hash keys, calls with one stay with their node; bounded load is there for these.
 */
export class SlowStart<N extends StartingNode> implements Strategy<N> {
  private readonly settings: Readonly<Required<SlowStartOptions>>;
  /** Highest priority first. */
  private levels: readonly Level<N>[] = [];
  /** When the first node became ready. */
  private oldest = Infinity;
  /** When the youngest node is warm; until then a pick has to look. */
  private warmAt = -Infinity;

  constructor(
    private readonly inner: Strategy<N>,
    private readonly deps: { readonly random: () => number; readonly now: () => number },
    { window = 30_000, aggression = 1, minWeight = 0.1 }: SlowStartOptions = {},
  ) {
    this.settings = { window, aggression, minWeight };
  }

  get usesHashKey(): boolean {
    return this.inner.usesHashKey === true;
  }

  update(nodes: readonly N[]): void {
    this.levels = levelsOf(nodes);
    let oldest = Infinity;
    let youngest = -Infinity;
    for (const { readySince } of nodes) {
      oldest = Math.min(oldest, readySince);
      youngest = Math.max(youngest, readySince);
    }
    this.oldest = oldest;
    this.warmAt = youngest > oldest ? youngest + this.settings.window : -Infinity;
    this.inner.update(nodes);
  }

  pick(call: PickContext<N>): N | undefined {
    const node = this.inner.pick(call);
    if (this.warmAt === -Infinity || node === undefined) return node;
    if (this.inner.usesHashKey === true && call.hashKey !== undefined) return node;
    const now = call.now ?? this.deps.now();
    if (now >= this.warmAt) {
      this.warmAt = -Infinity;
      return node;
    }
    const share = this.shareOf(node, now);
    if (share === 1) return node;
    const due = this.deps.random() * slowStartShare(now - this.oldest, this.settings);
    return share > due ? node : (this.warmer(call, now, due) ?? node);
  }

  observe(node: N): void {
    this.inner.observe?.(node);
  }

  refresh(): void {
    this.inner.refresh?.();
  }

  explain(call: PickContext<N>): StrategyExplanation<N> {
    const told = explanationOf(this.inner, call);
    const now = call.now ?? this.deps.now();
    if (now >= this.warmAt || (this.usesHashKey && call.hashKey !== undefined)) return told;
    const full = slowStartShare(now - this.oldest, this.settings);
    const shares = new Map<N, number>();
    for (const { nodes } of this.levels)
      for (const node of nodes) {
        const share = this.shareOf(node, now) / full;
        if (share < 1) shares.set(node, share);
      }
    const remarks = new Map(told.remarks);
    for (const [node, share] of shares)
      remarks.set(node, `slow start: takes ${Math.round(share * 100)} % of the calls that would be its`);
    const spared = told.choice !== undefined && (shares.get(told.choice) ?? 1) < 0.5;
    return { ...told, remarks, choice: spared ? this.likeliestWarm(told, shares) : told.choice };
  }

  /** The best of those that need not be spared. */
  private likeliestWarm(
    { scores, leftOut }: StrategyExplanation<N>,
    spared: ReadonlyMap<N, number>,
  ): N | undefined {
    let choice: N | undefined;
    let best = Infinity;
    for (const [node, score] of scores) {
      if (score >= best || spared.has(node) || leftOut?.has(node) === true) continue;
      best = score;
      choice = node;
    }
    return choice;
  }

  private shareOf({ readySince }: N, now: number): number {
    return slowStartShare(now - readySince, this.settings);
  }

  /**
   * A node with a greater share than `due`: one that the strategy likes if it names one soon, else the next one from a random
   * place of the highest priority that has any.
   */
  private warmer(call: PickContext<N>, now: number, due: number): N | undefined {
    for (let asked = 0; asked < ASK_AGAIN; asked++) {
      const node = this.inner.pick(call);
      if (node !== undefined && this.shareOf(node, now) > due) return node;
    }
    for (const { nodes } of this.levels) {
      const start = Math.floor(this.deps.random() * nodes.length);
      for (let step = 0; step < nodes.length; step++) {
        const node = nodes[(start + step) % nodes.length] as N;
        if (this.shareOf(node, now) > due) return node;
      }
    }
    return undefined;
  }
}

/** Highest priority first. */
function levelsOf<N extends StartingNode>(nodes: readonly N[]): Level<N>[] {
  const levels = new Map<number, Level<N>>();
  for (const node of nodes) {
    const level = levels.get(node.priority);
    if (level === undefined) levels.set(node.priority, { priority: node.priority, nodes: [node] });
    else level.nodes.push(node);
  }
  return [...levels.values()].sort((a, b) => a.priority - b.priority);
}
