import type { LoadReport } from './load-report.js';

/** What a strategy may read of a node. The node measures its own load; the strategy only reads it. */
export interface StrategyNode {
  /** `host:port` */
  readonly key: string;
  /** Relative share of the calls, for strategies that go by it. They only see nodes whose weight is above 0. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** Calls that this client has sent to it and that are not answered yet. */
  readonly inFlight: number;
  /** Moving average of its answers' latency in milliseconds; `undefined` before the first answer. */
  readonly latency: number | undefined;
  /** What its server last said of its load; `undefined` for one that says nothing. */
  readonly load: LoadReport | undefined;
  /** When it said so, in monotonic milliseconds. Means nothing without `load`. */
  readonly loadAt: number;
  /** Since when it has been saying so, in monotonic milliseconds: a server that was started anew begins anew. */
  readonly loadSince: number;
  /** When the oldest of the attempts on it that have had no answer at all began (monotonic ms); `undefined` for none. */
  readonly waitingSince: number | undefined;
  /**
   * How slow it is by what this client has seen, in milliseconds: a moving average of latency / √(calls in flight when it
   * began), so that a long queue is not taken for a slow node. A failure counts as seconds at once. What is known is
   * forgotten over ten seconds without answers; `undefined` while nothing is.
   *
   * @param now monotonic milliseconds, as `StrategyDeps.now` gives them
   */
  pace(now: number): number | undefined;
}

/** What a strategy may know of the call it picks for. */
export interface PickContext<N extends StrategyNode = StrategyNode> {
  /** The pattern as the caller gave it. */
  readonly pattern: unknown;
  /** Nodes this call has been tried on. A strategy may ignore it: the cluster asks again, then looks itself. */
  readonly tried: ReadonlySet<N> | undefined;
  /** What the call is about: strategies that hash send calls of one key to one node. */
  readonly hashKey?: string | undefined;
  /** Monotonic milliseconds, when the caller has just looked: a strategy need not read the clock then. */
  readonly now?: number | undefined;
}

/** Clock and chance are passed in, so that a strategy runs the same in virtual time. */
export interface StrategyDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /**
   * Asks a node for its load without waiting: the answer, if one comes, is in `node.load` when the strategy's `observe`
   * is called. Does nothing for a node that cannot tell.
   */
  readonly requestLoad?: (node: StrategyNode) => void;
}

/** What a strategy goes by at the moment. */
export interface StrategyExplanation<N extends StrategyNode = StrategyNode> {
  /** What a score is: `calls in flight by weight`. */
  readonly basis: string;
  /** The score of each node that has one, lower being better. */
  readonly scores: ReadonlyMap<N, number>;
  /** The node that it would pick; one that draws lots tells the likeliest. */
  readonly choice: N | undefined;
  /** Eligible nodes that this call would not be given to while any other will do, and why. */
  readonly leftOut?: ReadonlyMap<N, string> | undefined;
  /** What else there is to say of a node. */
  readonly remarks?: ReadonlyMap<N, string> | undefined;
}

/**
 * Chooses a node for a call. It is given the eligible nodes whenever they change and picks from that snapshot:
 * no I/O, no timers, O(1) or close to it in `pick`.
 *
 * @example
 * ```ts
 * class LastNode implements Strategy {
 *   private nodes: readonly StrategyNode[] = [];
 *   update(nodes: readonly StrategyNode[]): void { this.nodes = nodes; }
 *   pick(): StrategyNode | undefined { return this.nodes.at(-1); }
 * }
 * LoadBalancerModule.forRoot({ services: { orders: { target, strategy: () => new LastNode() } } })
 * ```
 */
export interface Strategy<N extends StrategyNode = StrategyNode> {
  /**
   * Does it go by the hash key of a call? Only then do zones, priorities and slow start leave calls of one key with their
   * node; false by default.
   */
  readonly usesHashKey?: boolean;
  /** The eligible nodes (never changed in place) after any change of membership, health or weight. May be empty. */
  update(nodes: readonly N[]): void;
  /** A node of the last snapshot, or `undefined` if that is empty. Must not throw. */
  pick(call: PickContext<N>): N | undefined;
  /** A node of the snapshot has told its load, which is in `node.load` now. Called for every report: keep it O(1). */
  observe?(node: N): void;
  /** Called about once a second between picks, for what is too slow to be done in one: tables, weights. */
  refresh?(): void;
  /** What `pick(call)` would go by. Changes nothing: picks go on as if it had not been called. */
  explain?(call: PickContext<N>): StrategyExplanation<N>;
}

/**
 * Makes a strategy, a new one each time: each priority and zone that gets calls has one of its own, and so has each service.
 * `options` is what the user wrote beside `name`.
 */
export type StrategyFactory = (deps: StrategyDeps, options: Readonly<Record<string, unknown>>) => Strategy;

/** A strategy as a class with the same two arguments. */
export type StrategyClass = new (deps: StrategyDeps, options: Readonly<Record<string, unknown>>) => Strategy;
