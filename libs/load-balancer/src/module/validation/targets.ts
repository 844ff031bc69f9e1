import type { Endpoint } from '../../cluster/endpoint.js';
import { ENDPOINT_FIELDS, validateEndpoints } from '../../discovery/endpoint-validation.js';
import { environmentVariable } from '../../discovery/environment.js';
import type { ResolverRegistry, TargetSource } from '../../discovery/resolver-registry.js';
import { didYouMean } from '../../nearest.js';
import { describeValue } from '../../safe-text.js';
import { pathTo, ProblemCounter, type Report } from './schema.js';

/**
 * Takes a service's `target` apart: a URI, several as an order of fallback, or endpoints. `undefined` when something is wrong
 * with it, which has been reported.
 */
export function resolveTargets(
  service: string,
  target: unknown,
  path: string,
  resolvers: ResolverRegistry,
  report: Report,
  warn: (warning: string) => void,
): readonly TargetSource[] | undefined {
  if (target === undefined) {
    report(
      path,
      `missing; expected a target URI or a list of endpoints (or the variable ${environmentVariable(service)})`,
    );
    return undefined;
  }
  if (typeof target === 'string') return sourcesOf([[path, target]], resolvers, report);
  if (!Array.isArray(target)) {
    report(path, `expected a target URI or a list of endpoints, got ${describeValue(target)}`);
    return undefined;
  }
  const list: readonly unknown[] = target;
  const uris = list.filter((entry) => typeof entry === 'string');
  if (uris.length === 0) {
    const endpoints = endpointsOf(list, path, report, warn);
    return endpoints && sourcesOf([[path, endpoints]], resolvers, report);
  }
  if (uris.length < list.length) {
    report(
      path,
      'expected either target URIs or endpoints { host, port }, got both; endpoints as a URI are static:///host:port',
    );
    return undefined;
  }
  const targets = uris.map((uri, index) => [pathTo(path, index), uri] as const);
  for (const [index, uri] of uris.entries()) {
    const first = uris.indexOf(uri);
    if (first < index) warn(`${pathTo(path, index)}: the same target as #${first}`);
  }
  return sourcesOf(targets, resolvers, report);
}

function sourcesOf(
  targets: readonly (readonly [path: string, target: string | readonly Endpoint[]])[],
  resolvers: ResolverRegistry,
  report: Report,
): readonly TargetSource[] | undefined {
  const sources: TargetSource[] = [];
  for (const [path, target] of targets) {
    const source = resolvers.find(target);
    if (source.ok) sources.push(source.value);
    else report(path, source.problem);
  }
  return sources.length === targets.length ? sources : undefined;
}

function endpointsOf(
  list: readonly unknown[],
  path: string,
  report: Report,
  warn: (warning: string) => void,
): readonly Endpoint[] | undefined {
  const found = new ProblemCounter(report);
  const { endpoints, problems } = validateEndpoints(list);
  for (const { index, kind, field, message } of problems) {
    const entryPath = pathTo(path, index);
    const at = field === undefined ? entryPath : pathTo(entryPath, field);
    if (kind === 'duplicate') warn(`${at}: ${message}`);
    else if (kind === 'unknown-field')
      found.report(at, `unknown option${didYouMean(field ?? '', ENDPOINT_FIELDS)}`);
    else found.report(at, message);
  }
  if (list.length === 0) warn(`${path}: the list is empty: every call will fail with NO_NODES`);
  return found.count > 0 ? undefined : endpoints;
}
