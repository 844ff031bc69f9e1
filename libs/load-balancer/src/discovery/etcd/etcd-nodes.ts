import type { Endpoint } from '../../cluster/endpoint.js';
import { oneLine } from '../../safe-text.js';
import type { Parsed } from '../parsed.js';
import { decodeNode } from './node-value.js';

/** One key with its value, as etcd gives it. */
export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Keys that one warning names. */
const KEYS_SHOWN = 3;

/** The nodes below a prefix, by key. Each value is parsed once, when it changes. */
export class EtcdNodes {
  private readonly byKey = new Map<string, Parsed<Endpoint>>();

  constructor(private readonly prefix: string) {}

  /** Takes a whole list. */
  replace(list: readonly KeyValue[]): void {
    this.byKey.clear();
    for (const entry of list) this.put(entry);
  }

  /** Is it a key of this service? Those further down (`orders/eu/10.0.0.1:4001`) belong to services of their own. */
  put({ key, value }: KeyValue): void {
    const id = this.idOf(key);
    if (id !== undefined) this.byKey.set(id, decodeNode(value));
  }

  delete(key: Buffer): void {
    const id = this.idOf(key);
    if (id !== undefined) this.byKey.delete(id);
  }

  endpoints(): Endpoint[] {
    const endpoints: Endpoint[] = [];
    for (const node of this.byKey.values()) if (node.ok) endpoints.push(node.value);
    return endpoints;
  }

  /** What cannot be used and why, by key; `undefined` when there is nothing. */
  warning(): string | undefined {
    const problems: string[] = [];
    let more = 0;
    for (const [id, node] of this.byKey) {
      if (node.ok) continue;
      if (problems.length < KEYS_SHOWN) problems.push(`${oneLine(this.prefix + id, 120)}: ${node.problem}`);
      else more++;
    }
    if (problems.length === 0) return undefined;
    return `${problems.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  }

  private idOf(key: Buffer): string | undefined {
    const id = key.toString('utf8').slice(this.prefix.length);
    return id === '' || id.includes('/') ? undefined : id;
  }
}
