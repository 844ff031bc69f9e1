import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy, NodeSnapshot } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { milliseconds, printFigures } from '../faults/support/figures.js';
import { Consumers, nodeBecomes, nodesBecome, ready } from '../support/consumer.js';
import type { Provider } from '../support/providers.js';
import { Fleet } from '../support/providers.js';
import type { SliceObject } from './support/kubernetes-api.js';
import { KubernetesApiDouble, pod, slice, TERMINATING } from './support/kubernetes-api.js';

/** Milliseconds within which a node that appears is called. */
const CALLED_WITHIN = 1_000;

/** As the controller cuts a service of ten thousand pods. */
const SLICES = 100;
const PODS = 100;
/** Milliseconds to wait for what takes a second. */
const PATIENCE = 20_000;

const fleet = new Fleet();
const consumers = new Consumers();
const kubeconfigOfUser = process.env.KUBECONFIG;
let api: KubernetesApiDouble;

beforeEach(async () => {
  api = await KubernetesApiDouble.start({ tls: true });
  api.token = 'the-token-of-the-consumer';
  process.env.KUBECONFIG = api.kubeconfig();
});
afterEach(async () => {
  await consumers.close();
  await fleet.stop();
  await api.close();
  if (kubeconfigOfUser === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = kubeconfigOfUser;
});

/** All providers share an address here, and so each has a slice of its own for its port. */
function sliceOf(provider: Provider, conditions?: object): SliceObject {
  const { name, port } = provider;
  return slice(`orders-${name}`, [pod('127.0.0.1', conditions, name)], { port });
}

/** Calls without a pause, some at a time, until it is stopped. */
class Calls {
  /** Who answered last, and when each node answered first. */
  readonly firstAnswer = new Map<string, number>();
  made = 0;
  readonly errors: unknown[] = [];
  private going = true;
  private readonly workers: Promise<void>[];

  constructor(private readonly client: BalancedClientProxy) {
    this.workers = Array.from({ length: 8 }, () => this.work());
  }

  async stop(): Promise<void> {
    this.going = false;
    await Promise.all(this.workers);
  }

  private async work(): Promise<void> {
    while (this.going) {
      this.made++;
      try {
        const node = await firstValueFrom(this.client.send<string>({ cmd: 'who' }, {}));
        if (!this.firstAnswer.has(node)) this.firstAnswer.set(node, performance.now());
      } catch (error) {
        this.errors.push(error);
      }
      // The API server is in this process, too, and needs its turn.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function answered(calls: Calls, { name }: Provider, within: number, since: number): Promise<number> {
  while (!calls.firstAnswer.has(name) && performance.now() - since < 3 * within)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return (calls.firstAnswer.get(name) ?? Infinity) - since;
}

describe('nodes of Kubernetes, by the target and KUBECONFIG alone', () => {
  it('are called within a second after they appear, drain when they terminate, and go, without a failed call', async () => {
    const [first, second] = (await fleet.startAll([{ server: 'balanced' }, {}])) as [Provider, Provider];
    api.put(sliceOf(first));
    const client = await consumers.open({ target: 'k8s:///shop/orders:tcp' });
    await ready(client, 1);
    const calls = new Calls(client);

    const appearedAt = performance.now();
    api.put(sliceOf(second));
    const took = await answered(calls, second, CALLED_WITHIN, appearedAt);
    expect(took).toBeLessThan(CALLED_WITHIN);

    api.put(sliceOf(first, TERMINATING));
    await nodeBecomes(client, first.address, 'draining');
    const before = client.nodes().find(({ key }) => key === first.address)?.calls;
    const answers = calls.made;
    while (calls.made < answers + 50) await new Promise((resolve) => setTimeout(resolve, 5));
    const draining = client.nodes().find(({ key }) => key === first.address);
    expect(draining?.calls).toBe(before);
    expect(draining?.endpoint).toMatchObject({
      zone: 'eu-1a',
      metadata: { pod: first.name, node: 'worker-1' },
    });

    api.delete(sliceOf(first));
    await nodesBecome(client, 'only the second', (nodes) => nodes.length === 1);
    await calls.stop();
    printFigures('a node that appears in Kubernetes', {
      'called after': milliseconds(took),
      calls: calls.made,
    });
    expect(calls.errors).toEqual([]);
  });

  it('are ten thousand, and change all at once in a few sets', async () => {
    const slices = (conditions?: object): SliceObject[] =>
      Array.from({ length: SLICES }, (_, index) => {
        const pods = Array.from({ length: PODS }, (_, host) => pod(`10.1.${index}.${host}`, conditions));
        return slice(`orders-${index}`, pods);
      });
    api.put(...slices());
    const client = await consumers.open({
      target: 'k8s:///shop/orders:tcp',
      connection: { eager: 0 },
      healthCheck: false,
    });
    // Not after each of the events, of which there is one for each node.
    const become = async (
      what: string,
      holds: (nodes: readonly NodeSnapshot[]) => boolean,
    ): Promise<void> => {
      const end = performance.now() + PATIENCE;
      while (!holds(client.nodes())) {
        if (performance.now() > end) throw new Error(`${what}: not within ${PATIENCE} ms`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await become('10 000 nodes', (nodes) => nodes.length === SLICES * PODS);
    let sets = 0;
    client.events.subscribe(({ type }) => {
      if (type === 'resolved') sets++;
    });

    const before = process.cpuUsage();
    api.put(...slices(TERMINATING));
    await become('all draining', (nodes) => nodes.every(({ status }) => status === 'draining'));
    const { user, system } = process.cpuUsage(before);
    printFigures('10 000 pods of Kubernetes that all change', {
      sets,
      'CPU, that of the API server among it': milliseconds((user + system) / 1_000),
    });
    expect(sets).toBeLessThan(SLICES / 4);

    for (const each of slices().slice(SLICES / 2)) api.delete(each);
    await become('5 000 nodes', (nodes) => nodes.length === (SLICES * PODS) / 2);
  });
});
