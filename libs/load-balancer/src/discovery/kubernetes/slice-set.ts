import { endpointKey, type Endpoint } from '../../cluster/endpoint.js';
import type { ResolvedNode, ResolvedPart, ResolveFailure } from '../resolver.js';
import { metadataOf, readSlice, type Slice } from './endpoint-slice.js';
import type { KubernetesTarget } from './kubernetes-target.js';

/** Problems of one set in a message; there may be one in each of a hundred slices. */
const SHOWN = 3;

/** The EndpointSlices of one service, and the nodes that they make together. */
export class SliceSet {
  private slices = new Map<string, Slice>();
  /** By name, the slices that could not be read; what was known of such a slice before is still used. */
  private readonly malformed = new Map<string, string>();

  /** @param service `namespace/service`, for messages */
  constructor(
    private readonly service: string,
    private readonly target: Pick<KubernetesTarget, 'port' | 'family'>,
  ) {}

  /** A new list takes the place of all that was known. */
  replace(objects: readonly unknown[]): void {
    const before = this.slices;
    this.slices = new Map();
    this.malformed.clear();
    for (const [index, object] of objects.entries()) {
      const name = metadataOf(object)?.name;
      const known = name === undefined ? undefined : before.get(name);
      if (known) this.slices.set(known.name, known);
      this.put(object, name ?? `#${index}`);
    }
  }

  /** One slice was added or changed. */
  put(object: unknown, name: string): void {
    const slice = readSlice(object, this.target.port);
    if (slice.ok) {
      this.slices.set(name, slice.value);
      this.malformed.delete(name);
    } else {
      this.malformed.set(name, slice.problem);
    }
  }

  delete(name: string): void {
    this.slices.delete(name);
    this.malformed.delete(name);
  }

  /** All nodes, each once, or why there are none. */
  nodes(): readonly ResolvedNode[] | ResolvedPart | ResolveFailure {
    const nodes = this.merge();
    const problems = [
      ...this.malformed.values(),
      ...[...this.slices.values()].flatMap(({ problem }) => problem ?? []),
    ];
    const more = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : '';
    const warning = problems.slice(0, SHOWN).join('; ') + more;
    if (nodes.length > 0) return warning === '' ? nodes : { nodes, warning };
    return { failure: warning === '' ? this.whyNone() : `${this.whyNone()}; ${warning}` };
  }

  /**
   * While a pod moves from one slice to another it is in both, and the address of one that terminates may belong to a new
   * pod already: the one that is not terminating wins, as in kube-proxy. A pod of a dual-stack service is in the slices of
   * both families, and would get twice its share of the calls.
   */
  private merge(): Endpoint[] {
    const nodes = new Map<string, Endpoint>();
    const uids = new Set<string>();
    const all = [...this.slices.values()];
    const preferred = all.filter(({ family }) => family === this.target.family);
    for (const { endpoints } of preferred) {
      for (const { node, uid } of endpoints) {
        add(nodes, node);
        if (uid !== undefined) uids.add(uid);
      }
    }
    for (const { family, endpoints } of all) {
      if (family === this.target.family) continue;
      for (const { node, uid } of endpoints) {
        if (uid === undefined || !uids.has(uid)) add(nodes, node);
      }
    }
    return [...nodes.values()];
  }

  private whyNone(): string {
    const { service, target } = this;
    const slices = [...this.slices.values()];
    if (slices.length === 0) {
      return `there is no EndpointSlice of the service ${service} (no such service, or one without a selector)`;
    }
    const usable = slices.filter(({ family }) => family !== undefined);
    if (usable.length === 0) return `the service ${service} has addresses of the deprecated type FQDN only`;
    const withPort = usable.filter(({ hasPort }) => hasPort);
    if (withPort.length === 0 && usable.some(({ ports }) => ports.length > 0)) {
      const ports = [...new Set(usable.flatMap((slice) => slice.ports))].join(', ');
      return `the service ${service} has no TCP port "${target.port}" (it has ${ports})`;
    }
    const notReady = withPort.reduce((sum, slice) => sum + slice.notReady, 0);
    return `no endpoint of the service ${service} is ready${notReady > 0 ? ` (${notReady} not ready)` : ''}`;
  }
}

function add(nodes: Map<string, Endpoint>, node: Endpoint): void {
  const key = endpointKey(node);
  const known = nodes.get(key);
  if (!known || (known.draining && !node.draining)) nodes.set(key, node);
}
