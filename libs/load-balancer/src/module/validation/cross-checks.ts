import type { CallSettings } from '../../client/call-settings.js';
import type { EjectionPolicy } from '../../cluster/ejection/ejection-policy.js';
import type { HashKeySource } from '../../client/hash-key.js';
import { validateEndpoints } from '../../discovery/endpoint-validation.js';
import { staticNodes } from '../../discovery/static.resolver.js';
import type { Target } from '../../discovery/resolver.js';
import type { ErrorCode } from '../../errors.js';
import { nearestName } from '../../nearest.js';
import { oneLine } from '../../safe-text.js';
import type { ResolvedServiceOptions } from '../options.js';
import { attemptDoubts } from './attempt-doubts.js';
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
  const { outlierDetection, dryRun, subset } = service;
  reportEjectionTimes(outlierDetection || undefined, `${path}.outlierDetection`, report);
  reportEjectionTimes(dryRun.outlierDetection, `${path}.dryRun.outlierDetection`, report);
  if (subset !== false && (subset.size as number | undefined) === undefined)
    report(`${path}.subset.size`, 'expected an integer ≥ 1, got undefined');
  const { min, max: most } = service.limits?.adaptive ?? {};
  if (min !== undefined && most !== undefined && most < min)
    report(`${path}.limits.adaptive.max`, `expected at least the min (${min}), got ${most}`);
}

function reportEjectionTimes(policy: EjectionPolicy | undefined, path: string, report: Report): void {
  if (policy === undefined || policy.maxEjectionTime >= policy.baseEjectionTime) return;
  report(
    `${path}.maxEjectionTime`,
    `expected at least the base time (${policy.baseEjectionTime} milliseconds), got ${policy.maxEjectionTime}`,
  );
}

/** Options that can work together, and hardly mean what they say. */
export function doubts(service: ResolvedServiceOptions, path: string, allowed: readonly string[]): string[] {
  const { limits, calls, patterns, minReady, targets, context, subset, hashKey } = service;
  const warnings = retryOnDoubts(calls, pathTo(path, 'retry'));
  warnings.push(...hashKeyDoubts(hashKey, path, allowed));
  for (const [text, settings] of patterns) {
    const where = pathTo(`${path}.patterns`, text);
    if (text.startsWith('{') && !isJson(text))
      warnings.push(
        `${where}: begins like an object and is not JSON, so it is the pattern of this very text`,
      );
    warnings.push(...hashKeyDoubts(settings.hashKey, where, allowed));
    if (settings.retry.retryOn !== calls.retry.retryOn)
      warnings.push(...retryOnDoubts(settings, pathTo(where, 'retry')));
  }
  const unlimited =
    limits?.maxInFlight === Infinity && limits.maxInFlightPerNode === Infinity && !limits.adaptive;
  if (unlimited && limits.queue.size > 0) {
    warnings.push(`${path}.limits.queue: nothing ever waits in it, since there is no limit beside it`);
  }
  warnings.push(...attemptDoubts(service, path));
  warnings.push(...idleOutlierChecks(service, path));
  const { all, usable } = countStaticNodes(targets);
  if (all > 0 && minReady > usable) {
    const which = usable < all ? ' whose weight is above 0' : '';
    warnings.push(
      `${path}.minReady: ${minReady} nodes can never be ready, since the target has ${usable}${which}`,
    );
  }
  if (subset !== false && minReady > subset.size) {
    warnings.push(
      `${path}.minReady: ${minReady} nodes may never be ready, since subset.size takes ${subset.size} of each priority`,
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

/**
 * Checks that were asked for and compare more nodes than the target has; those that are on by default are silent about it.
 *
 * Of a target that is looked up, the client tells when it knows the nodes.
 */
function idleOutlierChecks(
  { targets, outlierDetection, outlierChecksAsked }: ResolvedServiceOptions,
  path: string,
): string[] {
  const { usable } = countStaticNodes(targets);
  if (usable === 0 || outlierDetection === false) return [];
  return outlierChecksAsked.flatMap((check) => {
    const settings = outlierDetection[check];
    if (settings === false || usable >= settings.minimumNodes) return [];
    const problem = `it compares at least ${settings.minimumNodes} nodes, and the target has ${usable}`;
    return [`${path}.outlierDetection.${check}: takes no node out, since ${problem}`];
  });
}

/** Nodes that the options name themselves; none where any target is looked up. */
function countStaticNodes(targets: readonly Target[]): { all: number; usable: number } {
  const fixed = targets.every(({ scheme }) => scheme === 'static');
  const nodes = fixed ? validateEndpoints(targets.flatMap(staticNodes)).endpoints : [];
  // A node of weight 0 gets no calls, so it does not count as ready.
  return { all: nodes.length, usable: nodes.filter(({ weight }) => weight !== 0).length };
}

/** The codes of the library that `retryOn` is asked for. Others are those of handlers, which may be any. */
const RETRIED_CODES: readonly string[] = ['CONNECTION_LOST', 'DEADLINE_EXCEEDED'] satisfies ErrorCode[];
/** More would take a handler's `CONNECTION_RESET` for a slip. */
const SLIPS = 2;

function retryOnDoubts({ retry: { retryOn } }: CallSettings, path: string): string[] {
  if (retryOn === undefined || typeof retryOn === 'function') return [];
  return retryOn.flatMap((code, index) => {
    const meant = RETRIED_CODES.includes(code) ? undefined : nearestName(code, RETRIED_CODES, SLIPS);
    if (meant === undefined) return [];
    return `${pathTo(`${path}.retryOn`, index)}: "${oneLine(code, 60)}" is not a code of the library; did you mean "${meant}"?`;
  });
}

function hashKeyDoubts(
  source: HashKeySource | undefined,
  path: string,
  allowed: readonly string[],
): string[] {
  if (typeof source !== 'object' || allowed.includes(source.context)) return [];
  return [
    `${path}.hashKey.context: "${source.context}" is not taken from requests, since context.allow does not have it`,
  ];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
