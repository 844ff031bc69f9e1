import { describeValue } from '../../safe-text.js';
import { parsed, problemsOf, refused, type Parsed } from '../parsed.js';
import type { Target } from '../resolver.js';
import { unknownParamProblem } from '../target.js';

export type AddressFamily = 'IPv4' | 'IPv6';

const FAMILIES: Readonly<Record<string, AddressFamily>> = { 4: 'IPv4', 6: 'IPv6' };

/** What `k8s:///shop/orders:tcp?context=staging&family=6` says. */
export interface KubernetesTarget {
  /** `undefined`: that of the pod, or of the kubeconfig's context. */
  readonly namespace: string | undefined;
  readonly service: string;
  /** The name of one of the service's ports, or the number that its pods listen on. */
  readonly port: string | number;
  /** A context of the kubeconfig; `undefined` for the current one. */
  readonly context: string | undefined;
  /** By which of its addresses a pod is called that has both kinds. */
  readonly family: AddressFamily;
}

/** RFC 1123, as Kubernetes names namespaces, services and their ports. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const FORM = 'k8s:///namespace/service:port';

/** Parses the target of a {@link KubernetesResolver}; it needs no cluster and no package. */
export function parseKubernetesTarget(target: Target): Parsed<KubernetesTarget> {
  if (target.authority !== '') {
    return refused(`the namespace follows a third slash (${FORM}); the cluster is that of the kubeconfig`);
  }
  const [rest = '', namespace, ...more] = target.path.split('/').reverse();
  const colon = rest.lastIndexOf(':');
  if (more.length > 0 || colon < 0) return refused(`expected ${FORM} or k8s:///service:port`);
  const service = rest.slice(0, colon);
  const port = rest.slice(colon + 1);
  const { context, family = '4' } = target.params;
  const problem = problemsOf(
    labelProblem('namespace', namespace),
    labelProblem('service', service),
    portProblem(port),
    context === '' ? 'context: expected the name of a context of the kubeconfig, got nothing' : undefined,
    familyProblem(family),
    unknownParamProblem(target, ['context', 'family']),
  );
  if (problem !== undefined) return refused(problem);
  return parsed({
    namespace,
    service,
    port: /^\d+$/.test(port) ? Number(port) : port,
    context,
    family: FAMILIES[family] ?? 'IPv4',
  });
}

/** What is wrong with a target, if anything. */
export function kubernetesTargetProblem(target: Target): string | undefined {
  const result = parseKubernetesTarget(target);
  return result.ok ? undefined : result.problem;
}

function labelProblem(what: string, name: string | undefined): string | undefined {
  if (name === undefined || LABEL.test(name)) return undefined;
  return `${what}: expected a name of Kubernetes (lower case letters, digits and dashes), got ${describeValue(name)}`;
}

function portProblem(port: string): string | undefined {
  if (/^\d+$/.test(port)) {
    return Number(port) >= 1 && Number(port) <= 65_535 ? undefined : `port out of range: ${port} (1–65535)`;
  }
  return LABEL.test(port)
    ? undefined
    : `port: expected a number or the name of a port of the service, got ${describeValue(port)}`;
}

function familyProblem(family: string): string | undefined {
  return Object.hasOwn(FAMILIES, family)
    ? undefined
    : `family: expected 4 or 6, got ${describeValue(family)}`;
}
