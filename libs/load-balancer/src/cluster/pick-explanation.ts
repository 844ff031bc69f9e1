import type { StrategyExplanation, StrategyNode } from '../strategies/strategy.js';
import type { NodeStatus } from './snapshot.js';

/** A node, as `explain()` shows it. */
export interface CandidateExplanation {
  /** `host:port` */
  readonly node: string;
  readonly status: NodeStatus;
  /** May the call go there? */
  readonly eligible: boolean;
  /** Why it may not, or what its status rests on. */
  readonly reason: string;
  /** What the strategy makes of it, lower being better; `undefined` when it has no score. */
  readonly score: number | undefined;
  readonly inFlight: number;
  readonly weight: number;
}

/** Where a call would go and why. */
export interface PickExplanation {
  readonly service: string;
  readonly pattern: string;
  readonly strategy: string;
  /** What a score is. */
  readonly basis: string;
  /** Too few nodes are healthy, so health is not looked at. */
  readonly panic: boolean;
  /** The node that the strategy would take; one that draws lots tells the likeliest. */
  readonly choice: string | undefined;
  /** All nodes, the eligible ones first and of these the best first. */
  readonly candidates: readonly CandidateExplanation[];
}

/** What an explanation is made of besides what the strategy tells. */
export interface ExplainedNode extends StrategyNode {
  readonly status: NodeStatus;
  readonly reason: string;
}

/** Puts together what strategy and nodes tell. O(n log n), off the call path. */
export function explainPick<N extends ExplainedNode>(
  about: Pick<PickExplanation, 'service' | 'pattern' | 'strategy' | 'panic'>,
  nodes: Iterable<N>,
  eligible: readonly N[],
  { basis, scores, choice }: StrategyExplanation<N>,
): PickExplanation {
  const taking = new Set(eligible);
  const candidates = Array.from(nodes, (node): CandidateExplanation => {
    const { key, status, inFlight, weight } = node;
    const may = taking.has(node);
    const reason = !may && weight <= 0 ? 'its weight is 0' : node.reason;
    return { node: key, status, eligible: may, reason, score: scores.get(node), inFlight, weight };
  });
  candidates.sort(
    (a, b) => Number(b.eligible) - Number(a.eligible) || (a.score ?? Infinity) - (b.score ?? Infinity) || 0,
  );
  return { ...about, basis, choice: choice?.key, candidates };
}

/** The explanation in lines that fit into an error's message or a log. */
export function describeExplanation({ choice, strategy, basis, candidates }: PickExplanation): string {
  const head = `${strategy} would take ${choice ?? 'no node'} (${basis})`;
  const lines = candidates.map(({ node, eligible, status, reason, score, inFlight }) => {
    const figure = score === undefined ? '' : `, score ${Number(score.toPrecision(3))}`;
    return eligible
      ? `  ${node}: ${inFlight} in flight${figure}`
      : `  ${node}: left out, ${status}: ${reason}`;
  });
  return [head, ...lines].join('\n');
}
