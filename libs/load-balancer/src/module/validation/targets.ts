import type { Endpoint } from '../../cluster/endpoint.js';
import { ENDPOINT_FIELDS, validateEndpoints } from '../../discovery/endpoint-validation.js';
import { environmentVariable } from '../../discovery/environment.js';
import type { ResolverRegistry, TargetSource } from '../../discovery/resolver-registry.js';
import { didYouMean } from '../../nearest.js';
import { describeValue } from '../../safe-text.js';
import { pathTo, ProblemCounter, type Report } from './schema.js';

/** Takes a service's `target` apart; `undefined` when something is wrong with it, which has been reported. */
export function resolveTarget(
  service: string,
  target: unknown,
  path: string,
  resolvers: ResolverRegistry,
  report: Report,
  warn: (warning: string) => void,
): TargetSource | undefined {
  if (target === undefined) {
    report(
      path,
      `missing; expected a target URI or a list of endpoints (or the variable ${environmentVariable(service)})`,
    );
    return undefined;
  }
  const wanted = Array.isArray(target) ? endpointsOf(target, path, report, warn) : target;
  if (wanted === undefined) return undefined;
  if (typeof wanted !== 'string' && !Array.isArray(wanted)) {
    report(path, `expected a target URI or a list of endpoints, got ${describeValue(wanted)}`);
    return undefined;
  }
  const source = resolvers.find(wanted as string | readonly Endpoint[]);
  if (source.ok) return source.value;
  report(path, source.problem);
  return undefined;
}

function endpointsOf(
  list: readonly unknown[],
  path: string,
  report: Report,
  warn: (warning: string) => void,
): readonly Endpoint[] | undefined {
  const found = new ProblemCounter(report);
  for (const [index, entry] of list.entries()) {
    // A list of strings would look like several targets.
    if (typeof entry === 'string')
      found.report(pathTo(path, index), `expected an endpoint { host, port }, got ${describeValue(entry)}`);
  }
  if (found.count > 0) return undefined;

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
