import type { CallSettings } from '../../client/call-settings.js';
import { parsePercentile } from '../../resilience/hedge-policy.js';
import type { OptionPath, ResolvedServiceOptions } from '../options.js';
import type { Doubt } from './doubts.js';
import { usedInWords, type StaticNodes } from './static-nodes.js';

/**
 * Retries and hedges that are asked for and can never be made, or are made for nothing, of a service and of its patterns.
 * Back-off is not among them: however long it may be, a delay ends before the deadline.
 */
export function attemptDoubts(service: ResolvedServiceOptions, nodes: StaticNodes | undefined): Doubt[] {
  const { calls, patterns } = service;
  const unheard = whyUnheard(service);
  const doubts = [...emptyBudget(service), ...neverWaitedFor(calls, []), ...hedgeDoubts(calls, [], nodes)];
  doubts.push(...retriesByDepth(calls, [], unheard));
  for (const [text, settings] of patterns) {
    // What it has from the service has been told there.
    const at = ['patterns', text] as const;
    const ownHedge = settings.hedge !== calls.hedge;
    if (ownHedge || settings.timeout !== calls.timeout) doubts.push(...neverWaitedFor(settings, at));
    if (ownHedge) doubts.push(...hedgeDoubts(settings, at, nodes));
    if (settings.retry.retryOn !== calls.retry.retryOn) doubts.push(...retriesByDepth(settings, at, unheard));
  }
  return doubts;
}

/** The service itself, or one of its patterns. */
type Place = readonly [] | readonly ['patterns', string];

function optionAt([key, ...text]: Place, ...[first, ...further]: OptionPath): OptionPath {
  return key === undefined ? [first, ...further] : [key, ...text, first, ...further];
}

/** Retries between hedges make for more attempts than hedges alone, so `hedge.maxAttempts` is never too many for sure. */
function neverWaitedFor({ hedge, timeout }: CallSettings, at: Place): Doubt[] {
  if (typeof hedge?.delay !== 'number' || timeout === 0 || hedge.delay < timeout) return [];
  const problem = `${hedge.delay} ms are never waited for, since the timeout is ${timeout} ms`;
  return [{ option: optionAt(at, 'hedge', 'delay'), problem }];
}

/** A fixed delay can only be held against the median while calls are made: see `DelayWatch`. */
function hedgeDoubts(
  { hedge, idempotent }: CallSettings,
  at: Place,
  nodes: StaticNodes | undefined,
): Doubt[] {
  if (hedge === undefined) return [];
  const doubts: Doubt[] = [];
  const { delay } = hedge;
  if (typeof delay === 'string' && (parsePercentile(delay) ?? 0) < 50) {
    const problem = `"${delay}" is below the median, so that most idempotent calls are sent twice until the budget is spent; expected at least "p50", better "p95"`;
    doubts.push({ option: optionAt(at, 'hedge', 'delay'), problem });
  }
  if (nodes?.used === 1) {
    const problem = `never sent, since it goes to another node, and ${usedInWords(nodes)}; expected at least 2`;
    doubts.push({ option: optionAt(at, 'hedge'), problem });
  }
  if (idempotent === false) {
    const problem = 'never sent, since only idempotent calls are hedged; expected idempotent: true beside it';
    doubts.push({ option: optionAt(at, 'hedge'), problem });
  }
  return doubts;
}

/** Nothing can be taken out of a budget that neither calls nor time put a whole retry into. */
function emptyBudget({ calls, patterns, retryBudget }: ResolvedServiceOptions): Doubt[] {
  const { ratio = 0.2, minPerSecond = 10, ttl = 10_000 } = retryBudget;
  const wanted = [calls, ...patterns.values()].some(({ retry, hedge }) => retry.maxAttempts > 1 || hedge);
  if (!wanted || ratio > 0 || minPerSecond * ttl >= 1_000) return [];
  const problem = `nothing is ever retried or hedged, since a ratio of 0 and ${minPerSecond} a second never make up one retry within ${ttl} ms; where that is meant, retry: false says so`;
  return [{ option: ['retry', 'budget'], problem }];
}

/**
 * Only the level right above a trouble retries, because it tells those above not to, beside its answer. Where nobody reads
 * that, a caller that retries errors of handlers repeats what has been repeated already. The repetitions are marked, so
 * attempts add up with the depth of calls; that they multiply takes servers which lose the mark, and shows only then.
 */
function retriesByDepth({ retry }: CallSettings, at: Place, unheard: string | undefined): Doubt[] {
  const { maxAttempts, retryOn } = retry;
  const retriesErrors = typeof retryOn === 'function' || (retryOn !== undefined && retryOn.length > 0);
  if (unheard === undefined || maxAttempts === 1 || !retriesErrors) return [];
  const [two, three] = [2, 3].map((levels) => 1 + levels * (maxAttempts - 1));
  const problem = `with ${unheard} no server can say that it has retried already, so that attempts add up with the depth of calls: ${maxAttempts} become ${two} over two levels and ${three} over three; expected retryOn at one level only, or servers that are heard`;
  return [{ option: optionAt(at, 'retry', 'retryOn'), problem }];
}

/** Why no server can tell this service's client anything beside its answers; `undefined` when it can. */
export function whyUnheard({ healthCheck, transport }: ResolvedServiceOptions): string | undefined {
  if (healthCheck === false) return 'healthCheck: false';
  if (transport.customClass !== undefined) return 'transport.customClass';
  return transport.deserializer === undefined ? undefined : 'transport.deserializer';
}
