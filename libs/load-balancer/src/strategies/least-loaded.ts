import { sooner } from './expected-delay.js';
import { LoadPool } from './load-pool.js';
import { PairDraw } from './pair-draw.js';
import { PeakEwma } from './peak-ewma.js';
import { scored } from './scored.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/** Reports that are asked for a call, besides those that replies carry. In simulation as good as Prequal's three. */
const PROBES_PER_CALL = 0.5;

/**
 * Goes by what servers say of their load (Prequal, NSDI '24): a pool of a few fresh reports, from which a call takes the
 * node with the lowest latency among those that have not too many requests in flight. Since servers count the requests of
 * all their clients and tell before the first call is slow, it sees a busy node sooner than any measure of this client.
 *
 * The pool is fed by the reports on ordinary replies. These come from the nodes that are in use, so alone they would hold
 * a client with them for good; a probe of a random node for every other call shows it the rest.
 *
 * Nodes that say nothing are not left out: they get their share of the calls, the one that is expected to answer first of
 * two. Where there are no two fresh reports to compare, since nobody reports or after a pause, it goes by this client's own
 * measure, as `peak-ewma` does.
 */
export class LeastLoaded<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private readonly pool = new LoadPool<N>();
  private readonly pair: PairDraw<N>;
  private readonly unaided: PeakEwma<N>;
  private members: ReadonlySet<N> = new Set();
  /** Those that have not told their load yet. */
  private silent = new Set<N>();
  private probesDue = 0;

  constructor(private readonly deps: StrategyDeps) {
    this.pair = new PairDraw(deps.random);
    this.unaided = new PeakEwma(deps);
  }

  update(nodes: readonly N[]): void {
    this.pair.update(nodes);
    this.unaided.update(nodes);
    this.members = new Set(nodes);
    this.silent = new Set(nodes.filter(({ load }) => load === undefined));
    this.pool.keep(this.members);
  }

  observe(node: N): void {
    const { load } = node;
    if (load === undefined || !this.members.has(node)) return;
    if (this.silent.size > 0) this.silent.delete(node);
    this.pool.add(node, load, node.loadAt);
  }

  pick(call: PickContext<N>): N | undefined {
    const { pair } = this;
    if (pair.nodes.length < 2) return pair.nodes[0];
    const now = call.now ?? this.deps.now();
    this.probe(now);
    if (this.silent.size === pair.nodes.length) return this.unaided.pick(call);
    if (this.silent.size > 0) {
      pair.draw();
      // A draw that falls on a node that says nothing decides among those, so that they get their share.
      if (this.silent.has(pair.first)) return this.silent.has(pair.second) ? sooner(pair, now) : pair.first;
    }
    return this.pool.take(now) ?? this.unaided.pick(call);
  }

  explain(call: PickContext<N>): StrategyExplanation<N> {
    const latencies = this.pool.candidates(this.deps.now());
    if (latencies.size === 0) return this.unaided.explain(call);
    return scored(
      'reported latency in ms, of nodes with a fresh report and not too busy',
      this.pair.nodes,
      (node) => latencies.get(node),
    );
  }

  private probe(now: number): void {
    const { requestLoad } = this.deps;
    if (!requestLoad) return;
    this.probesDue += PROBES_PER_CALL;
    if (this.probesDue < 1) return;
    this.probesDue--;
    const { nodes } = this.pair;
    // A report is asked for, so one can go: what the pool liked least gives way to what has not been looked at.
    this.pool.makeRoom(now);
    requestLoad(nodes[Math.floor(this.deps.random() * nodes.length)] as N);
  }
}
