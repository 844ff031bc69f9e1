import type { CallSettings } from '../../client/call-settings.js';
import type { ResolvedServiceOptions } from '../options.js';
import { pathTo } from './schema.js';

/**
 * Retries and hedges that are asked for and can never be made, of a service and of its patterns. Back-off is not among them:
 * however long it may be, a delay ends before the deadline.
 */
export function attemptDoubts(service: ResolvedServiceOptions, path: string): string[] {
  const { calls, patterns } = service;
  const warnings = [...emptyBudget(service, path), ...hedgeDoubts(calls, path)];
  for (const [text, settings] of patterns) {
    // What it has from the service has been told there.
    if (settings.timeout === calls.timeout && settings.hedge === calls.hedge) continue;
    warnings.push(...hedgeDoubts(settings, pathTo(`${path}.patterns`, text)));
  }
  return warnings;
}

/** Retries between hedges make for more attempts than hedges alone, so `hedge.maxAttempts` is never too many for sure. */
function hedgeDoubts({ hedge, timeout }: CallSettings, path: string): string[] {
  if (typeof hedge?.delay !== 'number' || timeout === 0 || hedge.delay < timeout) return [];
  return [`${path}.hedge.delay: ${hedge.delay} ms are never waited for, since the timeout is ${timeout} ms`];
}

/** Nothing can be taken out of a budget that neither calls nor time put a whole retry into. */
function emptyBudget({ calls, patterns, retryBudget }: ResolvedServiceOptions, path: string): string[] {
  const { ratio = 0.2, minPerSecond = 10, ttl = 10_000 } = retryBudget;
  const wanted = [calls, ...patterns.values()].some(({ retry, hedge }) => retry.maxAttempts > 1 || hedge);
  if (!wanted || ratio > 0 || minPerSecond * ttl >= 1_000) return [];
  return [
    `${path}.retry.budget: nothing is ever retried or hedged, since a ratio of 0 and ${minPerSecond} a second never make up one retry within ${ttl} ms; where that is meant, retry: false says so`,
  ];
}
