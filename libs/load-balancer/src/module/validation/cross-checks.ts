import { validateEndpoints } from '../../discovery/endpoint-validation.js';
import { staticNodes } from '../../discovery/static.resolver.js';
import type { ResolvedServiceOptions } from '../options.js';
import { pathTo, type Report } from './schema.js';

/** Options that are right one by one and cannot work together. */
export function reportContradictions(service: ResolvedServiceOptions, path: string, report: Report): void {
  const { healthCheck, connection } = service;
  if (healthCheck !== false && healthCheck.timeout > healthCheck.interval) {
    report(
      `${path}.healthCheck.timeout`,
      `expected at most the interval (${healthCheck.interval} milliseconds), got ${healthCheck.timeout}`,
    );
  }
  const { initial, max } = connection.backoff;
  if (max < initial) {
    report(
      `${path}.connection.backoff.max`,
      `expected at least the initial delay (${initial} milliseconds), got ${max}`,
    );
  }
}

/** Options that can work together, and hardly mean what they say. */
export function doubts(service: ResolvedServiceOptions, path: string, allowed: readonly string[]): string[] {
  const { minReady, target, context } = service;
  const warnings: string[] = [];
  const nodes = target.scheme === 'static' ? validateEndpoints(staticNodes(target)).endpoints.length : 0;
  if (nodes > 0 && minReady > nodes) {
    warnings.push(`${path}.minReady: ${minReady} nodes can never be ready, since the target has ${nodes}`);
  }
  for (const [index, key] of context.forward === 'all' ? [] : context.forward.entries()) {
    if (allowed.includes(key)) continue;
    warnings.push(
      `${pathTo(`${path}.context.forward`, index)}: "${key}" is not taken from requests, since context.allow does not have it`,
    );
  }
  return warnings;
}
