import type { Endpoint } from '../../cluster/endpoint.js';
import { describeValue, oneLine } from '../../safe-text.js';
import { validateEndpoints } from '../endpoint-validation.js';
import { parsed, refused, type Parsed } from '../parsed.js';
import type { ConsulTarget } from './consul-target.js';

/** As many characters as a value among a node's metadata may have. */
const MAX_TAGS = 1_024;
/** The key of the tags among a node's metadata. */
const TAGS = 'tags';
/** Instances that one warning names. */
const SHOWN = 3;

/** The instances that can be called, and what is wrong with the others. */
export interface SeenInstances {
  readonly nodes: readonly Endpoint[];
  readonly warning: string | undefined;
}

type State = 'passing' | 'warning' | 'critical' | 'maintenance';
type Fields = Readonly<Record<string, unknown>>;

/**
 * The nodes of what `/v1/health/service` answered: instances whose checks all pass (or warn, when the target wants
 * those), and those in maintenance as draining. One that makes no sense costs only itself, and is named.
 */
export function nodesOf(body: unknown, target: ConsulTarget): Parsed<SeenInstances> {
  if (!Array.isArray(body)) return refused(`expected a list of instances, got ${describeValue(body)}`);
  const left = new Set<State>();
  const nodes: unknown[] = [];
  const names: string[] = [];
  for (const [index, entry] of (body as unknown[]).entries()) {
    const { Service, Node, Checks } = fieldsOf(entry);
    const state = stateOf(Checks);
    if (state === 'critical' || (state === 'warning' && !target.warning)) {
      left.add(state);
      continue;
    }
    const service = fieldsOf(Service);
    nodes.push(isFields(entry) ? toNode(service, fieldsOf(Node), state) : entry);
    names.push(typeof service.ID === 'string' ? oneLine(service.ID, 120) : `#${index}`);
  }
  if (nodes.length === 0) return refused(noInstance(target, left));
  return parsed(usable(nodes, names));
}

/** By name, and in their order: the place of an instance in the answer changes when others come and go. */
function usable(nodes: readonly unknown[], names: readonly string[]): SeenInstances {
  const { endpoints, problems } = validateEndpoints(nodes);
  if (problems.length === 0) return { nodes: endpoints, warning: undefined };
  const lines = problems.map(({ index, kind, field, message }) => {
    const what = kind === 'duplicate' ? 'it has the address of another instance' : message;
    return `${names[index] ?? ''}: ${field === undefined ? '' : `${field}: `}${what}`;
  });
  const more = lines.length > SHOWN ? `; and ${lines.length - SHOWN} more` : '';
  return { nodes: endpoints, warning: lines.sort().slice(0, SHOWN).join('; ') + more };
}

/** The worst of an instance's checks; maintenance is one that fails on purpose, so that another failing one counts for more. */
function stateOf(checks: unknown): State {
  const states = new Set<unknown>();
  for (const check of Array.isArray(checks) ? (checks as unknown[]) : []) {
    if (!isFields(check)) continue;
    const { CheckID: id, Status: status } = check;
    states.add(typeof id === 'string' && /^_(?:service|node)_maintenance/.test(id) ? 'maintenance' : status);
  }
  return (['critical', 'maintenance', 'warning'] as const).find((state) => states.has(state)) ?? 'passing';
}

function toNode(service: Fields, node: Fields, state: State): Record<keyof Endpoint, unknown> {
  const { zone, priority, weight, ...labels } = fieldsOf(service.Meta);
  const { Passing: passing, Warning: warning } = fieldsOf(service.Weights);
  return {
    host: service.Address === '' || service.Address === undefined ? node.Address : service.Address,
    port: service.Port,
    weight: toNumber(weight ?? (state === 'warning' ? warning : passing)),
    zone,
    priority: toNumber(priority),
    draining: state === 'maintenance' ? true : undefined,
    metadata: { ...labels, ...tagsOf(service.Tags) },
  };
}

/** The tags with commas between them: as many as there is room for. */
function tagsOf(tags: unknown): Record<string, string> {
  let text = '';
  for (const tag of Array.isArray(tags) ? (tags as unknown[]) : []) {
    if (typeof tag !== 'string' || tag === '') continue;
    const longer = text === '' ? tag : `${text},${tag}`;
    if (longer.length > MAX_TAGS) break;
    text = longer;
  }
  return text === '' ? {} : { [TAGS]: text };
}

/** A plain decimal as a number; anything else unchanged, to be refused (and shown) by the check of the value. */
function toNumber(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
}

/** How many are in which state is not said: that changes, and each reason is warned of once. */
function noInstance({ service, tags }: ConsulTarget, left: ReadonlySet<State>): string {
  const which = tags.length > 0 ? ` with the tag ${tags.join(', ')}` : '';
  return left.size > 0
    ? `no instance of "${service}"${which} is passing (but ${[...left].sort().join(' or ')})`
    : `Consul shows no instance of "${service}"${which}; without a token that may read it, it shows none either`;
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
