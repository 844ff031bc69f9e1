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
}

/** What a strategy may know of the call it picks for. */
export interface PickContext<N extends StrategyNode = StrategyNode> {
  /** The pattern as the caller gave it. */
  readonly pattern: unknown;
  /** Nodes this call has been tried on. A strategy may ignore it: the cluster asks again, then looks itself. */
  readonly tried: ReadonlySet<N> | undefined;
}

/** Clock and chance are passed in, so that a strategy runs the same in virtual time. */
export interface StrategyDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
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
  /** The eligible nodes (never changed in place) after any change of membership, health or weight. May be empty. */
  update(nodes: readonly N[]): void;
  /** A node of the last snapshot, or `undefined` if that is empty. Must not throw. */
  pick(call: PickContext<N>): N | undefined;
}

/** Makes a strategy for one service. `options` is what the user wrote beside `name`. */
export type StrategyFactory = (deps: StrategyDeps, options: Readonly<Record<string, unknown>>) => Strategy;

/** A strategy as a class with the same two arguments. */
export type StrategyClass = new (deps: StrategyDeps, options: Readonly<Record<string, unknown>>) => Strategy;
