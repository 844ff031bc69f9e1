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
  const { initial: first, max: longest } = service.calls.retry.backoff;
  if (longest < first) {
    report(
      `${path}.retry.backoff.max`,
      `expected at least the initial delay (${first} milliseconds), got ${longest}`,
    );
  }
  const { min, max: most } = service.limits?.adaptive ?? {};
  if (min !== undefined && most !== undefined && most < min)
    report(`${path}.limits.adaptive.max`, `expected at least the min (${min}), got ${most}`);
}

/** Options that can work together, and hardly mean what they say. */
export function doubts(service: ResolvedServiceOptions, path: string, allowed: readonly string[]): string[] {
  const { limits, calls, minReady, target, context } = service;
  const warnings: string[] = [];
  const unlimited =
    limits?.maxInFlight === Infinity && limits.maxInFlightPerNode === Infinity && !limits.adaptive;
  if (unlimited && limits.queue.size > 0) {
    warnings.push(`${path}.limits.queue: nothing ever waits in it, since there is no limit beside it`);
  }
  const { hedge, timeout } = calls;
  if (typeof hedge?.delay === 'number' && timeout > 0 && hedge.delay >= timeout) {
    warnings.push(
      `${path}.hedge.delay: ${hedge.delay} ms are never waited for, since the timeout is ${timeout} ms`,
    );
  }
  const nodes = target.scheme === 'static' ? validateEndpoints(staticNodes(target)).endpoints : [];
  // A node of weight 0 gets no calls, so it does not count as ready.
  const usable = nodes.filter(({ weight }) => weight !== 0).length;
  if (nodes.length > 0 && minReady > usable) {
    const which = usable < nodes.length ? ' whose weight is above 0' : '';
    warnings.push(
      `${path}.minReady: ${minReady} nodes can never be ready, since the target has ${usable}${which}`,
    );
  }
  for (const [index, key] of context.forward === 'all' ? [] : context.forward.entries()) {
    if (allowed.includes(key)) continue;
    warnings.push(
      `${pathTo(`${path}.context.forward`, index)}: "${key}" is not taken from requests, since context.allow does not have it`,
    );
  }
  return warnings;
}
