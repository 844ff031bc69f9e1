import type { ResolvedEndpoint } from '../../cluster/endpoint.js';
import { endpointKey, resolveEndpoint } from '../../cluster/endpoint.js';
import { validateEndpoints } from '../../discovery/endpoint-validation.js';
import type { TargetSource } from '../../discovery/resolver-registry.js';
import { nodesInOptions } from '../../discovery/static.resolver.js';
import type { ResolvedServiceOptions } from '../options.js';

/** The nodes that the options name themselves. */
export interface StaticNodes {
  /** How many there are. */
  readonly all: number;
  /** Those of them that get calls: one of weight 0 does not count as ready. */
  readonly usable: number;
  /** How many of these one client uses: of a subset fewer. */
  readonly used: number;
  /** Those that get calls, by priority. */
  readonly levels: readonly (readonly ResolvedEndpoint[])[];
}

/** `undefined` where any target is looked up: then the client tells once it knows the nodes. */
export function staticNodesOf(
  { subset }: Pick<ResolvedServiceOptions, 'subset'>,
  sources: readonly TargetSource[],
): StaticNodes | undefined {
  const seen = new Set<string>();
  const levels = new Map<string, ResolvedEndpoint[]>();
  for (const [index, source] of sources.entries()) {
    const nodes = nodesInOptions(source);
    if (nodes === undefined) return undefined;
    for (const endpoint of validateEndpoints(nodes).endpoints.map(resolveEndpoint)) {
      const key = endpointKey(endpoint);
      if (seen.has(key)) continue;
      seen.add(key);
      if (endpoint.weight === 0) continue;
      // Each target is a fallback of those before it, whatever priorities its nodes have.
      const place = `${index}/${endpoint.priority}`;
      const level = levels.get(place);
      if (level) level.push(endpoint);
      else levels.set(place, [endpoint]);
    }
  }
  const all = [...levels.values()];
  const most = subset === false ? Infinity : subset.size;
  return {
    all: seen.size,
    usable: all.reduce((sum, { length }) => sum + length, 0),
    used: all.reduce((sum, { length }) => sum + Math.min(length, most), 0),
    levels: all,
  };
}

/** Their number, in the words of a warning. */
export function usedInWords({ usable, used }: StaticNodes): string {
  return used < usable ? `subset.size leaves ${used} of the target's ${usable}` : `the target has ${usable}`;
}
