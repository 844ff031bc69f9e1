import type { CallSettings } from '../../client/call-settings.js';
import type { EjectionPolicy } from '../../cluster/ejection/ejection-policy.js';
import type { HashKeySource } from '../../client/hash-key.js';
import type { TargetSource } from '../../discovery/resolver-registry.js';
import type { ErrorCode } from '../../errors.js';
import { nearestName } from '../../nearest.js';
import { oneLine } from '../../safe-text.js';
import type { OptionPath, OutlierCheck, ResolvedServiceOptions, ServiceOptions } from '../options.js';
import { attemptDoubts } from './attempt-doubts.js';
import { reportAdaptiveBounds } from './call-schema.js';
import type { Doubt } from './doubts.js';
import { isJson } from './pattern-text.js';
import type { Report } from './schema.js';
import { staticNodesOf, usedInWords, type StaticNodes } from './static-nodes.js';
import { unusedOptions } from './unused-options.js';

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
  const { limits } = service;
  if (limits?.adaptive) reportAdaptiveBounds(limits.adaptive, limits.maxInFlight, `${path}.limits`, report);
}

function reportEjectionTimes(policy: EjectionPolicy | undefined, path: string, report: Report): void {
  if (policy === undefined || policy.maxEjectionTime >= policy.baseEjectionTime) return;
  report(
    `${path}.maxEjectionTime`,
    `expected at least the base time (${policy.baseEjectionTime} milliseconds), got ${policy.maxEjectionTime}`,
  );
}

/**
 * Options that can work together, and cannot do or hardly mean what they say.
 *
 * @param given what the service was given, with `defaults`
 * @param allowed keys that the request context takes in
 */
export function doubtsOf(
  { options: service, sources }: { options: ResolvedServiceOptions; sources: readonly TargetSource[] },
  given: Partial<ServiceOptions>,
  allowed: readonly string[],
): Doubt[] {
  const nodes = staticNodesOf(service, sources);
  return [
    ...settingsDoubts(service, allowed),
    ...attemptDoubts(service, nodes),
    ...ejectionDoubts(service, nodes),
    ...readinessDoubts(service, nodes),
    ...unusedOptions(service, given, nodes),
    ...forwardDoubts(service, allowed),
  ];
}

function settingsDoubts(
  { calls, patterns, hashKey }: ResolvedServiceOptions,
  allowed: readonly string[],
): Doubt[] {
  const doubts = [...retryOnDoubts(calls, ['retry']), ...hashKeyDoubts(hashKey, ['hashKey'], allowed)];
  for (const [text, settings] of patterns) {
    if (text.startsWith('{') && !isJson(text))
      doubts.push({
        option: ['patterns', text],
        problem: 'begins like an object and is not JSON, so it is the pattern of this very text',
      });
    doubts.push(...hashKeyDoubts(settings.hashKey, ['patterns', text, 'hashKey'], allowed));
    if (settings.retry.retryOn !== calls.retry.retryOn)
      doubts.push(...retryOnDoubts(settings, ['patterns', text, 'retry']));
  }
  return doubts;
}

/** Of a target that is looked up, the client tells when it knows the nodes. */
function ejectionDoubts(
  { outlierDetection, dryRun, outlierChecksAsked }: ResolvedServiceOptions,
  nodes: StaticNodes | undefined,
): Doubt[] {
  const doubts: Doubt[] = [];
  const policies = [
    [['outlierDetection'], outlierDetection],
    [['dryRun', 'outlierDetection'], dryRun.outlierDetection],
  ] as const;
  for (const [option, policy] of policies)
    if (policy && !policy.consecutiveFailures && !outlierChecksAsked.some((check) => isBelow(check, option)))
      doubts.push({ option, problem: 'takes no node out, since every check is false; expected one of them' });
  if (nodes === undefined || nodes.used === 0) return doubts;
  for (const { option, minimumNodes } of outlierChecksAsked) {
    if (nodes.used >= minimumNodes) continue;
    const problem = `takes no node out, since it compares at least ${minimumNodes} nodes, and ${usedInWords(nodes)}`;
    doubts.push({ option, problem });
  }
  return doubts;
}

function isBelow({ option }: OutlierCheck, parent: OptionPath): boolean {
  return parent.every((key, index) => option[index] === key);
}

function readinessDoubts(
  { minReady, subset }: ResolvedServiceOptions,
  nodes: StaticNodes | undefined,
): Doubt[] {
  const doubts: Doubt[] = [];
  const option = ['minReady'] as const;
  if (nodes !== undefined && nodes.all > 0 && minReady > nodes.usable) {
    const which = nodes.usable < nodes.all ? ' whose weight is above 0' : '';
    const problem = `${minReady} nodes can never be ready, since the target has ${nodes.usable}${which}`;
    doubts.push({ option, problem });
  }
  if (subset !== false && minReady > subset.size)
    doubts.push({
      option,
      problem: `${minReady} nodes may never be ready, since subset.size takes ${subset.size} of each priority`,
    });
  return doubts;
}

function forwardDoubts({ context }: ResolvedServiceOptions, allowed: readonly string[]): Doubt[] {
  if (context.forward === 'all') return [];
  return context.forward.flatMap((key, index): Doubt[] =>
    allowed.includes(key) ? [] : [{ option: ['context', 'forward', index], problem: notTaken(key) }],
  );
}

function notTaken(key: string): string {
  return `"${key}" is not taken from requests, since context.allow does not have it`;
}

/** The codes of the library that `retryOn` is asked for. Others are those of handlers, which may be any. */
const RETRIED_CODES: readonly string[] = ['CONNECTION_LOST', 'DEADLINE_EXCEEDED'] satisfies ErrorCode[];
/** More would take a handler's `CONNECTION_RESET` for a slip. */
const SLIPS = 2;

function retryOnDoubts({ retry: { retryOn } }: CallSettings, retry: OptionPath): Doubt[] {
  if (retryOn === undefined || typeof retryOn === 'function') return [];
  return retryOn.flatMap((code, index): Doubt[] => {
    const meant = RETRIED_CODES.includes(code) ? undefined : nearestName(code, RETRIED_CODES, SLIPS);
    if (meant === undefined) return [];
    const problem = `"${oneLine(code, 60)}" is not a code of the library; did you mean "${meant}"?`;
    return [{ option: [...retry, 'retryOn', index], problem }];
  });
}

function hashKeyDoubts(
  source: HashKeySource | undefined,
  option: OptionPath,
  allowed: readonly string[],
): Doubt[] {
  if (typeof source !== 'object' || allowed.includes(source.context)) return [];
  return [{ option: [...option, 'context'], problem: notTaken(source.context) }];
}
