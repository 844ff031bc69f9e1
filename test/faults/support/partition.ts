import { execFileSync } from 'node:child_process';

const NODE = '10.203.0.2';
const CLIENT = '10.203.0.1';
/** Nobody's, and none that a veth is given: frames to it are dropped by whoever receives them. */
const NOBODY = '02:00:00:00:00:01';

/**
 * Why there can be no network namespaces here; `undefined` when there can. Fetches iproute2 when that is what is missing.
 *
 * @throws in CI, when it cannot be had.
 */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux';
  if (process.getuid?.() !== 0) return 'only root may make network namespaces';
  try {
    tryOne();
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return (error as Error).message;
  }
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'iproute2'], { stdio: 'pipe' });
    tryOne();
    return undefined;
  } catch (error) {
    if (process.env.CI === 'true')
      throw new Error('the faults need iproute2 ("ip"), and it cannot be installed', { cause: error });
    return 'iproute2 ("ip") is not installed';
  }
}

function tryOne(): void {
  const name = `lb-probe-${process.pid}`;
  ip(`netns add ${name}`);
  ip(`netns delete ${name}`);
}

/**
 * Two hosts, each a network namespace, and the link between them, which can be made to fail as networks do. It takes only
 * what iproute2 has, not a firewall: a neighbour with a wrong hardware address loses every packet to it, without a word; and
 * an address that has moved to another host, which knows nothing of its connections, resets them.
 */
export class Partition {
  /** The address of the node's host, as the client's reaches it. */
  readonly nodeAddress = NODE;

  private readonly client = `lb-client-${process.pid}`;
  private readonly node = `lb-node-${process.pid}`;
  private readonly stranger = `lb-stranger-${process.pid}`;

  private constructor() {
    for (const namespace of this.namespaces) ip(`netns add ${namespace}`);
  }

  static create(): Partition {
    const partition = new Partition();
    try {
      partition.connect();
      return partition;
    } catch (error) {
      partition.remove();
      throw error;
    }
  }

  /** Runs a command on the client's host. */
  get onClient(): readonly string[] {
    return ['ip', 'netns', 'exec', this.client];
  }

  /** Runs a command on the node's host. */
  get onNode(): readonly string[] {
    return ['ip', 'netns', 'exec', this.node];
  }

  /** Nothing gets through any more, either way. */
  dropAll(): void {
    ip(`-n ${this.client} neighbour replace ${NODE} lladdr ${NOBODY} dev to-node nud permanent`);
    this.dropReplies();
  }

  /** What the client sends arrives; what the node sends does not. */
  dropReplies(): void {
    ip(`-n ${this.node} neighbour replace ${CLIENT} lladdr ${NOBODY} dev to-client nud permanent`);
  }

  /** The node's address leads to another host, which resets its connections and refuses new ones. */
  reset(): void {
    ip(`-n ${this.client} route replace ${NODE}/32 dev to-stranger src ${CLIENT}`);
  }

  heal(): void {
    for (const [namespace, neighbour, device] of [
      [this.client, NODE, 'to-node'],
      [this.node, CLIENT, 'to-client'],
    ] as const)
      ip(`-n ${namespace} neighbour flush to ${neighbour} dev ${device} nud permanent`);
    ip(`-n ${this.client} route flush ${NODE}/32`);
  }

  /** The processes that run there must have ended. */
  remove(): void {
    for (const namespace of this.namespaces) ip(`netns delete ${namespace}`);
  }

  private get namespaces(): readonly string[] {
    return [this.client, this.node, this.stranger];
  }

  private connect(): void {
    this.link('to-node', this.node);
    this.link('to-stranger', this.stranger);
    ip(`-n ${this.client} address add ${CLIENT}/24 dev to-node`);
    for (const host of [this.node, this.stranger]) ip(`-n ${host} address add ${NODE}/24 dev to-client`);
    for (const namespace of this.namespaces) ip(`-n ${namespace} link set lo up`);
  }

  private link(device: string, to: string): void {
    ip(`-n ${this.client} link add ${device} type veth peer name to-client netns ${to}`);
    ip(`-n ${this.client} link set ${device} up`);
    ip(`-n ${to} link set to-client up`);
  }
}

function ip(command: string): void {
  execFileSync('ip', command.split(' '), { stdio: 'pipe' });
}
