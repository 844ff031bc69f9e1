import { ReportedWeights, type ReportedWeightsOptions } from './reported-weights.js';
import { scored } from './scored.js';
import { layOut, type StrideRound } from './stride-round.js';
import type { PickContext, Strategy, StrategyDeps, StrategyExplanation, StrategyNode } from './strategy.js';

/** What `weighted-round-robin` takes beside its name. */
export interface WeightedRoundRobinOptions extends ReportedWeightsOptions {
  /**
   * Where weights come from: `fixed`, the default, are those of the endpoints; `reported` are computed about every
   * second from the load that the servers report, and are the fixed ones until two servers have reported.
   */
  readonly weights?: 'fixed' | 'reported';
}

/**
 * Each node in turn, as often as its weight says: exactly its share, spread evenly over time.
 *
 * The static stride scheduler of gRPC (gRFC A58): the nodes are passed over again and again, and in pass `p` a node of
 * `rate` (its weight as a fraction of the greatest) is picked when `rate × p` reaches another whole number. gRPC keeps
 * the number of nodes passed over for one pick small by bounding the weights; here a node heavier than the mean
 * stands in the round several times instead, so that any weights get exactly their share, and a pick still passes
 * over fewer than one other on average.
 *
 * The round's start is drawn at random, so that many clients started together do not all begin with the same node;
 * the turn survives changes of the set.
 */
export class WeightedRoundRobin<N extends StrategyNode = StrategyNode> implements Strategy<N> {
  private round: StrideRound<N> = { places: [], rates: new Float64Array(), phases: new Float64Array() };
  private start: number | undefined = undefined;
  private turn = 0;
  private pass = 0;

  private nodes: readonly N[] = [];
  private readonly reported: ReportedWeights | undefined;

  constructor(
    private readonly deps: Pick<StrategyDeps, 'random' | 'now'>,
    options: WeightedRoundRobinOptions = {},
  ) {
    this.reported = options.weights === 'reported' ? new ReportedWeights(options) : undefined;
  }

  update(nodes: readonly N[]): void {
    const start = (this.start ??= this.deps.random());
    const begins = this.round.places.length === 0;
    this.nodes = nodes;
    this.round = layOut(nodes, start, this.reported?.weigh(nodes, this.deps.now()));
    if (begins) this.turn = Math.floor(start * this.round.places.length);
  }

  refresh(): void {
    if (this.reported) this.update(this.nodes);
  }

  pick(_call: PickContext<N>): N | undefined {
    const { places, rates, phases } = this.round;
    if (places.length === 0) return undefined;
    // It ends: at the greatest rate, which is 1, a place is picked in every pass.
    for (;;) {
      if (this.turn >= places.length) {
        this.turn = 0;
        this.pass++;
      }
      const turn = this.turn++;
      const rate = rates[turn] as number;
      const phase = phases[turn] as number;
      if (Math.floor(rate * (this.pass + 1) + phase) > Math.floor(rate * this.pass + phase))
        return places[turn];
    }
  }

  /** A score is the number of calls a node gets one of; whose turn it is does not show in that. */
  explain(call: PickContext<N>): StrategyExplanation<N> {
    const { turn, pass } = this;
    const choice = this.pick(call);
    this.turn = turn;
    this.pass = pass;
    const { places, rates } = this.round;
    const picks = rates.reduce((sum, rate) => sum + rate, 0);
    const shares = new Map<N, number>();
    for (const [place, node] of places.entries()) {
      shares.set(node, (shares.get(node) ?? 0) + (rates[place] as number) / picks);
    }
    const basis = 'its turn; a score is how many calls come for each that it gets';
    return { ...scored(basis, this.nodes, (node) => 1 / (shares.get(node) ?? 0)), choice };
  }
}
