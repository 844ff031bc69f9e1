import { InFlightEstimate } from './in-flight-estimate.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';
import { hashText, mix, imul } from './string-hash.js';

/** A map from hashes to nodes that stays nearly the same when the nodes change a little. */
export interface HashTable<N> {
  /** @param hash an unsigned 32-bit integer */
  find(hash: number): N;
}

/**
 * The table of these nodes, of which there is at least one. Depends on their keys and weights, not on their order.
 *
 * @param previous the table of other nodes, from which it may be made with less effort; it has no influence on the result
 */
export type HashTableBuilder = <N extends StrategyNode>(
  nodes: readonly N[],
  previous?: HashTable<N>,
) => HashTable<N>;

/** What `ring-hash` and `maglev` take beside their name. */
export interface ConsistentHashOptions {
  /**
   * How many times its share of the calls in flight a node may have before it passes calls on, at least 1; 1.25 by default,
   * `false` for no bound. It never has to pass them on below 8 calls, nor below what chance alone makes of an even spread: its
   * share and three times the square root of that.
   */
  readonly bound?: number | false;
}

/** Mirrokni et al. 2018: no node has more than 1.25 times its share of the calls in flight. */
const BOUND = 1.25;
/**
 * The theorem is about many calls. With few, 1.25 times the share is one or two, and calls of keys that are not hot at all
 * would leave their node by chance: half of them with a call in flight a node, a sixth with eight.
 */
const ALWAYS_ALLOWED = 8;
const DEVIATIONS = 3;
/** With a bound of 1.25 at least a fifth of the nodes has room: all of so many misses have a chance of 3 %. */
const CANDIDATES = 16;
const TWO_TO_THE_32 = 4_294_967_296;

/**
 * Sends calls of one `hashKey` to one node, whichever client they come from, with a bound on what a hot key can do: a node
 * that has too many of the calls in flight passes on what comes. Where to depends on the key and not on the
 * node, so that two hot keys of one node spill to different ones. Calls without a key go anywhere.
 *
 * A table is costly, so it is not built while calls wait: the first one and after that only what `refresh` finds out of
 * date. Until then, keys of nodes that have left go to the next node of their own order, as with a full node.
 */
export class ConsistentHash<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  readonly usesHashKey = true;

  private nodes: readonly N[] = [];
  private members: ReadonlySet<N> = new Set();
  private weight = 0;
  private readonly bound: number;
  private readonly load = new InFlightEstimate();
  private table: HashTable<N> | undefined = undefined;
  /** The nodes in the table. */
  private placed: readonly N[] = [];
  private placedWeights: readonly number[] = [];

  constructor(
    private readonly deps: Pick<StrategyDeps, 'random'>,
    private readonly build: HashTableBuilder,
    { bound = BOUND }: ConsistentHashOptions = {},
  ) {
    this.bound = bound === false ? Infinity : bound;
  }

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
    this.members = new Set(nodes);
    this.weight = nodes.reduce((sum, { weight }) => sum + weight, 0);
    this.load.update(nodes);
    const kept = this.placed.reduce((count, node) => (this.members.has(node) ? count + 1 : count), 0);
    // With most nodes gone, or most of them new, the old table would crowd the few that are in it.
    if (kept * 2 <= Math.max(this.placed.length, nodes.length)) this.refresh();
  }

  refresh(): void {
    const { nodes, placed, placedWeights } = this;
    if (placed === nodes) return;
    this.placed = nodes;
    const same = (node: N, i: number): boolean => node === placed[i] && node.weight === placedWeights[i];
    // Nodes that were out for a moment have brought nothing new.
    if (nodes.length === placed.length && nodes.every(same)) return;
    this.placedWeights = nodes.map(({ weight }) => weight);
    this.table = nodes.length === 0 ? undefined : this.build(nodes, this.table);
  }

  pick({ hashKey, tried }: PickContext<N>): N | undefined {
    const { nodes, table } = this;
    const members = this.placed === nodes ? undefined : this.members;
    if (nodes.length < 2 || table === undefined) return nodes[0];
    this.load.renew();
    const share = this.shareOfWeight();
    const hash = hashKey === undefined ? Math.floor(this.deps.random() * TWO_TO_THE_32) : hashText(hashKey);
    let fallback: N | undefined;
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const node = table.find(nthHash(hash, candidate));
      if (members?.has(node) === false) continue;
      if (!tried?.has(node)) {
        if (this.hasRoom(node, share)) return node;
        if (fallback === undefined || tried?.has(fallback)) fallback = node;
      }
      fallback ??= node;
    }
    return fallback ?? nodes[hash % nodes.length];
  }

  /** The score of a node is its place in the order of the key. */
  explain({ hashKey, tried }: PickContext<N>): StrategyExplanation<N> {
    const { nodes, table, members } = this;
    if (nodes.length < 2 || table === undefined)
      return { basis: 'the only node', scores: new Map(), choice: nodes[0] };
    if (hashKey === undefined)
      return { basis: 'none: a call without a key goes anywhere', scores: new Map(), choice: undefined };
    const hash = hashText(hashKey);
    const order = new Set<N>();
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const node = table.find(nthHash(hash, candidate));
      if (members.has(node)) order.add(node);
    }
    const share = this.shareOfWeight();
    const hasRoom = (node: N): boolean => this.hasRoom(node, share);
    const inOrder = [...order];
    const untried = inOrder.filter((node) => tried?.has(node) !== true);
    return {
      basis: 'place in the order of the key, of nodes with room',
      scores: new Map(
        inOrder.map((node, place) => [node, place + 1] as const).filter(([node]) => hasRoom(node)),
      ),
      choice: untried.find(hasRoom) ?? untried[0] ?? inOrder[0] ?? nodes[hash % nodes.length],
    };
  }

  /** Calls in flight that are due to each unit of weight, the one that is picked for included. */
  private shareOfWeight(): number {
    return (this.load.total + 1) / this.weight;
  }

  private hasRoom({ inFlight, weight }: N, shareOfWeight: number): boolean {
    if (inFlight < ALWAYS_ALLOWED) return true;
    const share = shareOfWeight * weight;
    return inFlight < Math.ceil(Math.max(this.bound * share, share + DEVIATIONS * Math.sqrt(share)));
  }
}

/** A key's own order of nodes. */
function nthHash(hash: number, candidate: number): number {
  return candidate === 0 ? hash : mix(hash + imul(candidate, 0x9e3779b9));
}
