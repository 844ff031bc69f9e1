import { layOut, type StrideRound } from './stride-round.js';
import type { PickContext, Strategy, StrategyDeps, StrategyNode } from './strategy.js';

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

  constructor(private readonly deps: StrategyDeps) {}

  update(nodes: readonly N[]): void {
    const start = (this.start ??= this.deps.random());
    const begins = this.round.places.length === 0;
    this.round = layOut(nodes, start);
    if (begins) this.turn = Math.floor(start * this.round.places.length);
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
}
