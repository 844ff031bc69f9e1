import type { PickContext, StrategyExplanation, StrategyNode } from '../strategies/strategy.js';
import { isHealthy } from './locality/places.js';
import type { NodeStatus } from './snapshot.js';

/** A node, as `explain()` shows it. */
export interface CandidateExplanation {
  /** `host:port` */
  readonly node: string;
  readonly status: NodeStatus;
  /** Can the call go there? */
  readonly eligible: boolean;
  /** Why it cannot, or what its status rests on. */
  readonly reason: string;
  /** What else decides on it: that it is at its slow start. */
  readonly remark: string | undefined;
  /** What the strategy makes of it, lower being better (see `basis`); `undefined` when it has no score. */
  readonly score: number | undefined;
  /** Attempts of this client on it that are under way. */
  readonly inFlight: number;
  readonly weight: number;
}

/** Which node a pick comes to, and why. */
export interface ChoiceExplanation {
  /** What the choice goes by, and what a score is: `(calls in flight + 1) / weight`. */
  readonly basis: string;
  /**
   * The node that would be picked, as `host:port`. A strategy that draws lots tells the likeliest; `undefined` when none
   * is likelier than others, or none is eligible.
   */
  readonly choice: string | undefined;
  /** Health is ignored, since fewer nodes than the panic threshold are healthy. */
  readonly panic: boolean;
  /** All nodes: the eligible ones first, and of these the best first. */
  readonly candidates: readonly CandidateExplanation[];
}

/**
 * Where a call would go and why: plain data, to be read, logged or sent as JSON.
 *
 * @example
 * ```json
 * {
 *   "service": "orders", "pattern": "quote", "at": "2026-01-31T09:00:00.120Z", "known": 2,
 *   "strategy": { "name": "least-request", "from": "pattern" }, "hasHashKey": false,
 *   "basis": "(calls in flight + 1) / weight", "choice": "10.0.0.2:4001", "panic": false,
 *   "candidates": [
 *     { "node": "10.0.0.2:4001", "status": "ready", "eligible": true, "reason": "answered a probe", "score": 1, "inFlight": 0, "weight": 1 },
 *     { "node": "10.0.0.1:4001", "status": "disconnected", "eligible": false, "reason": "connect ECONNREFUSED 10.0.0.1:4001", "inFlight": 0, "weight": 1 }
 *   ],
 *   "settings": { "timeout": 800, "maxAttempts": 3, "hedged": false, "waitForReady": false }
 * }
 * ```
 */
export interface PickExplanation extends ChoiceExplanation {
  readonly service: string;
  /** The pattern, in text. */
  readonly pattern: string;
  /** When it was made (ISO 8601). */
  readonly at: string;
  /** Nodes that discovery lists: more than there are candidates where this client uses a `subset` of them. */
  readonly known: number;
  /** The strategy that chooses, and whose option asked for it. */
  readonly strategy: { readonly name: string; readonly from: 'service' | 'pattern' | 'call' };
  /** Does the call have a hash key? The key itself may be somebody's name, and is not told. */
  readonly hasHashKey: boolean;
  /** How the call is made, after the options of call, pattern and service. */
  readonly settings: EffectiveSettings;
}

export interface EffectiveSettings {
  /** Milliseconds that the call has: its own timeout, or what is left of the request that it is made for. 0 for no limit. */
  readonly timeout: number;
  /** Attempts of one call, without those that were certainly not processed. */
  readonly maxAttempts: number;
  /** Would a second attempt be sent beside the first, if the call is idempotent? */
  readonly hedged: boolean;
  /** `undefined`: as the provider says of its handler. */
  readonly idempotent: boolean | undefined;
  readonly waitForReady: boolean;
}

/** What an explanation is made of besides what the strategy tells. */
export interface ExplainedNode extends StrategyNode {
  readonly status: NodeStatus;
  readonly reason: string;
}

/** How things stand when a node is to be picked. */
export interface PickSituation<N> {
  readonly nodes: Iterable<N>;
  /** Those that the strategy knows. */
  readonly eligible: readonly N[];
  readonly panic: boolean;
  /** Attempts in flight at which a node is full. */
  readonly limit: number;
  /** An ejected node that the next call is to try, whatever the strategy says. */
  readonly trial: N | undefined;
}

/** Puts together what strategy and nodes tell. O(n log n), off the call path. */
export function explainPick<N extends ExplainedNode>(
  { tried }: Pick<PickContext<N>, 'tried'>,
  { nodes, eligible, panic, limit, trial }: PickSituation<N>,
  told: StrategyExplanation<N>,
): ChoiceExplanation {
  const known = new Set(eligible);
  const obstacleTo = (node: N): string | undefined => obstacleOf(node, known, limit, tried);
  // A node that the strategy leaves out is better than none.
  const leftOut = eligible.some((node) => !told.leftOut?.has(node) && obstacleTo(node) === undefined)
    ? told.leftOut
    : undefined;
  const candidates = Array.from(nodes, (node): CandidateExplanation => {
    const { key, status, inFlight, weight } = node;
    const obstacle = node === trial ? undefined : (obstacleTo(node) ?? leftOut?.get(node));
    const score = told.scores.get(node);
    return {
      node: key,
      status,
      eligible: obstacle === undefined,
      reason: node === trial ? `${node.reason}; the next call tries it` : (obstacle ?? node.reason),
      remark: obstacle === undefined ? told.remarks?.get(node) : undefined,
      score: Number.isFinite(score) ? score : undefined,
      inFlight,
      weight,
    };
  });
  candidates.sort(
    (a, b) => Number(b.eligible) - Number(a.eligible) || (a.score ?? Infinity) - (b.score ?? Infinity) || 0,
  );
  if (trial) return { basis: 'an ejected node is due for its trial', choice: trial.key, panic, candidates };
  return { basis: told.basis, choice: choiceOf(candidates, told.choice?.key), panic, candidates };
}

/** Why a call cannot go to a node. */
function obstacleOf<N extends ExplainedNode>(
  node: N,
  known: ReadonlySet<N>,
  limit: number,
  tried: ReadonlySet<N> | undefined,
): string | undefined {
  if (!known.has(node)) {
    if (node.weight <= 0) return 'its weight is 0';
    return isHealthy(node) ? 'the nodes of a higher priority are being connected' : node.reason;
  }
  if (node.inFlight >= limit) return `full: ${node.inFlight} calls in flight`;
  return tried?.has(node) === true ? 'this call has been tried on it' : undefined;
}

/** The strategy's choice, or what is taken instead when that cannot take the call. */
function choiceOf(
  candidates: readonly CandidateExplanation[],
  wanted: string | undefined,
): string | undefined {
  const able = candidates.filter(({ eligible }) => eligible);
  if (able.length < 2) return able[0]?.node;
  if (able.some(({ node }) => node === wanted)) return wanted;
  // The best one stands first.
  return wanted === undefined || able[0]?.score === undefined ? undefined : able[0].node;
}

/** An explanation in lines, for a log. */
export function describeExplanation(explanation: PickExplanation): string {
  const { strategy, choice, basis, panic, candidates, known } = explanation;
  const what = candidates.some(({ eligible }) => eligible)
    ? `would take ${choice ?? 'any of these'}`
    : `could take no node, since ${candidates.length === 0 ? 'none is known' : 'none is left'}`;
  const head = `${strategy.name} (of the ${strategy.from}) ${what}${basis === '' ? '' : `: ${basis}`}`;
  const lines = candidates.map(({ node, eligible, status, reason, remark, score, inFlight }) => {
    if (!eligible) return `  ${node}: left out, ${status}: ${reason}`;
    const figure = score === undefined ? '' : `, score ${Number(score.toPrecision(3))}`;
    return `  ${node}: ${status}, ${inFlight} in flight${figure}${remark === undefined ? '' : `; ${remark}`}`;
  });
  const others = known - candidates.length;
  if (others > 0) lines.push(`  ${others} more: left out, not in the subset of this client`);
  return [panic ? `${head} (panic: health is ignored)` : head, ...lines].join('\n');
}
