import { of, type Observable } from 'rxjs';
import { endpointKey, type Endpoint } from '../cluster/endpoint.js';
import { summarizeProblems, validateEndpoints } from './endpoint-validation.js';
import { problemsOf } from './parsed.js';
import type { Resolver, ResolvedNode, Target } from './resolver.js';
import type { TargetSource } from './resolver-registry.js';
import { unknownParamProblem } from './target.js';

/** Nodes of a list that its URI shows. */
const SHOWN = 3;

/**
 * A fixed list of nodes in the target itself: `static:///10.0.0.1:4001,[::1]:4001`. A node's attributes follow it:
 * `static:///10.0.0.1:4001;weight=2;zone=eu-1a,10.0.0.2:4001;draining=true`.
 */
export class StaticResolver implements Resolver {
  readonly schemes = ['static'];
  readonly finite = true;

  validate(target: Target): string | undefined {
    if (target.authority !== '') {
      return 'the nodes follow a third slash: static:///10.0.0.1:4001,10.0.0.2:4001';
    }
    const { endpoints, problems } = validateEndpoints(staticNodes(target));
    const invalid = problems.filter((problem) => problem.kind === 'invalid');
    const isEmpty = endpoints.length === 0 && invalid.length === 0;
    return problemsOf(
      invalid.length > 0 ? summarizeProblems(invalid) : undefined,
      isEmpty ? 'expected at least one node: static:///10.0.0.1:4001' : undefined,
      unknownParamProblem(target, []),
    );
  }

  watch(target: Target): Observable<readonly ResolvedNode[]> {
    return of(staticNodes(target));
  }
}

/** Nodes that were given as a list in the options. */
class FixedNodes implements Resolver {
  readonly schemes = ['static'];
  readonly finite = true;

  constructor(readonly nodes: readonly Endpoint[]) {}

  watch(): Observable<readonly ResolvedNode[]> {
    return of(this.nodes);
  }
}

/** The same in the shape of a target with its resolver. */
export function fixedTarget(endpoints: readonly Endpoint[]): TargetSource {
  const keys = endpoints.map(endpointKey);
  const more = keys.length > SHOWN ? `,… (${keys.length} nodes)` : '';
  const uri = `static:///${keys.slice(0, SHOWN).join(',')}${more}`;
  return {
    target: { uri, scheme: 'static', authority: '', path: keys.join(','), params: {} },
    resolver: new FixedNodes(endpoints),
  };
}

/** What is known of a target's nodes before anything is looked up; `undefined` where they have to be. */
export function nodesInOptions({ target, resolver }: TargetSource): readonly ResolvedNode[] | undefined {
  if (resolver instanceof FixedNodes) return resolver.nodes;
  return resolver instanceof StaticResolver ? staticNodes(target) : undefined;
}

/** The nodes that a `static` target lists, each as it is written. */
function staticNodes(target: Target): string[] {
  return target.path
    .split(',')
    .map((node) => node.trim())
    .filter((node) => node !== '');
}
