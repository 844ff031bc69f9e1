import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy, LoadBalancerEvent, LoadBalancerModuleOptions } from 'nestjs-load-balancer';
import { KubernetesResolver } from 'nestjs-load-balancer/kubernetes';
import { firstValueFrom } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, printFigures } from '../faults/support/figures.js';
import { Consumers, ready } from '../support/consumer.js';
import { Fleet, type Provider } from '../support/providers.js';
import { ConsulAgent } from './support/consul.js';
import { whyNoConsul } from './support/consul-package.js';
import { etcdClient, EtcdServer } from './support/etcd.js';
import { KubernetesApiDouble, pod, slice } from './support/kubernetes-api.js';
import { NameServer, ZONE } from './support/named.js';
import { whyMissing } from './support/requirements.js';
import { SteadyCalls } from './support/steady-calls.js';

/** Milliseconds; far more than leases last, so that every provider has given its own up. */
const OUTAGE = 30_000;
const TTL = 3_000;
/** Milliseconds within which a node that came meanwhile is called once its registry knows it. */
const CALLED_WITHIN = 5_000;

/** One registry in which the providers are to be found. */
interface Registry {
  readonly target: string;
  readonly options?: Omit<LoadBalancerModuleOptions, 'services'>;
  /** Where providers register; not where somebody else tells of them. */
  readonly register?: string;
  /** Tells of a provider, where it does not register itself. */
  readonly tell?: (provider: Provider) => Promise<void> | void;
  /** Can it be told of a provider while it is away? */
  readonly toldMeanwhile?: boolean;
  kill(): Promise<unknown>;
  restart(): Promise<void>;
  /** How many providers it holds now. */
  readonly registered?: () => Promise<number>;
  stop(): Promise<unknown>;
}

const KINDS: { name: string; missing: string | undefined; open: () => Promise<Registry> }[] = [
  {
    name: 'etcd',
    missing: whyMissing('etcd', 'etcd-server'),
    open: async () => {
      const [server] = (await EtcdServer.start()) as [EtcdServer];
      const target = `etcd://${server.endpoint}/orders`;
      return {
        target,
        register: `${target}?ttl=${TTL}`,
        kill: () => server.kill(),
        restart: () => server.restart(),
        registered: async () => {
          const etcd = etcdClient([server]);
          const keys = await etcd.getAll().prefix('orders/').keys();
          etcd.close();
          return keys.length;
        },
        stop: () => server.stop(),
      };
    },
  },
  {
    name: 'Consul',
    missing: whyNoConsul(),
    open: async () => {
      const agent = await ConsulAgent.start();
      const target = `consul://${agent.address}/orders`;
      return {
        target,
        register: `${target}?ttl=${TTL}`,
        kill: () => agent.kill(),
        // It has forgotten everything.
        restart: () => agent.restart(),
        registered: async () =>
          ((await agent.api('GET', '/health/service/orders?passing')) as unknown[]).length,
        stop: () => agent.stop(),
      };
    },
  },
  {
    name: 'Kubernetes',
    missing: undefined,
    open: async () => {
      const api = await KubernetesApiDouble.start({ tls: true });
      api.token = 'the-token-of-the-consumer';
      const { port } = api;
      return {
        target: 'k8s:///shop/orders:tcp',
        options: { resolvers: [new KubernetesResolver({ kubeconfig: api.kubeconfig() })] },
        // All providers share an address here, and so each has a slice of its own for its port.
        tell: (provider) =>
          api.put(slice(`orders-${provider.name}`, [pod('127.0.0.1', undefined, provider.name)], provider)),
        toldMeanwhile: true,
        kill: () => api.stop(),
        restart: () => api.restart(port),
        stop: () => api.close(),
      };
    },
  },
  {
    name: 'DNS',
    missing: whyMissing('named', 'bind9') ?? whyMissing('nsupdate', 'bind9-dnsutils'),
    open: async () => {
      const server = await NameServer.start();
      await server.update('add host 1 A 127.0.0.1');
      return {
        target: `dns+srv://${server.address}/_orders._tcp.${ZONE}?interval=1000`,
        tell: ({ port }) => server.update(`add _orders._tcp 1 SRV 0 1 ${port} host.${ZONE}.`),
        kill: () => server.kill(),
        restart: () => server.start(),
        stop: () => server.remove(),
      };
    },
  },
];

/** What came of the outage of one registry. */
interface Result {
  readonly made: number;
  readonly failures: readonly string[];
  /** Was the newcomer called before anybody could know of it? */
  readonly calledBefore: boolean;
  /** Milliseconds from when it was back, or was told, to the first answer of the newcomer. */
  readonly calledAfter: number;
  readonly reasons: readonly string[];
  readonly removed: readonly LoadBalancerEvent[];
  readonly registered: number | undefined;
}

/** One registry with a consumer of its own, which calls all the time. */
class Subject {
  private readonly events: LoadBalancerEvent[] = [];
  private readonly answers = new Set<string>();
  private readonly calls: SteadyCalls;

  private constructor(
    readonly name: string,
    readonly registry: Registry,
    private readonly client: BalancedClientProxy,
  ) {
    client.events.subscribe((event) => this.events.push(event));
    this.calls = new SteadyCalls(async () =>
      this.answers.add(await firstValueFrom(client.send<string>({ cmd: 'who' }, {}))),
    );
  }

  static async begin(name: string, registry: Registry, count: number): Promise<Subject> {
    const client = await consumers.open({ target: registry.target }, registry.options);
    await ready(client, count);
    return new Subject(name, registry, client);
  }

  async comesBack(newcomer: Provider): Promise<Result> {
    const { registry, events } = this;
    const calledBefore = this.answers.has(newcomer.name);
    await registry.restart();
    const backAt = performance.now();
    if (!registry.toldMeanwhile) await registry.tell?.(newcomer);
    while (!this.answers.has(newcomer.name) && performance.now() - backAt < 2 * CALLED_WITHIN) await sleep(5);
    const calledAfter = performance.now() - backAt;
    // What etcd had kept on the old leases has run out when this is over.
    await sleep(Math.max(0, 2 * TTL - calledAfter));
    await ready(this.client, 3);
    return {
      ...(await this.calls.stop()),
      calledBefore,
      calledAfter: this.answers.has(newcomer.name) ? calledAfter : Infinity,
      reasons: events.flatMap((event) => (event.type === 'resolve-failed' ? [event.reason] : [])),
      removed: events.filter(({ type }) => type === 'node-removed'),
      registered: await registry.registered?.(),
    };
  }
}

const consumers = new Consumers();
const fleet = new Fleet();

describe(`an outage of ${OUTAGE / 1_000} s, of all registries at once and under load:`, () => {
  const kinds = KINDS.filter(({ missing }) => missing === undefined);
  const registries: Registry[] = [];
  const results = new Map<string, Result>();
  let newcomer: Provider;

  const start = (name: string): Promise<Provider> => {
    const register = registries.flatMap((registry) => registry.register ?? []);
    return fleet.start({ name, server: 'balanced', ...(register.length > 0 && { register }) });
  };

  beforeAll(async () => {
    await Promise.all(kinds.map(async ({ open }, index) => (registries[index] = await open())));
    const providers = await Promise.all([start('first'), start('second')]);
    for (const { tell } of registries) for (const provider of providers) await tell?.(provider);
    const subjects = await Promise.all(
      kinds.map(({ name }, index) => Subject.begin(name, registries[index] as Registry, providers.length)),
    );

    await Promise.all(registries.map((registry) => registry.kill()));
    await sleep(OUTAGE / 2);
    newcomer = await start('newcomer');
    for (const { tell, toldMeanwhile } of registries) if (toldMeanwhile) await tell?.(newcomer);
    await sleep(OUTAGE / 2);
    await Promise.all(
      subjects.map(async (subject) => results.set(subject.name, await subject.comesBack(newcomer))),
    );
  }, 3 * OUTAGE);
  afterAll(async () => {
    await consumers.close();
    await fleet.stop();
    await Promise.all(registries.map((registry) => registry.stop()));
  });

  it.each(kinds.map(({ name }) => name))(
    '%s: no call fails, and who came meanwhile is called within 5 s after it',
    (name) => {
      const { made, failures, calledBefore, calledAfter, reasons } = results.get(name) as Result;
      printFigures(`${name} away for ${OUTAGE / 1_000} s`, {
        calls: made,
        failed: failures.length,
        'the newcomer called after': milliseconds(calledAfter),
        reasons: reasons.join('; '),
      });
      expect(failures).toEqual([]);
      expect(made).toBeGreaterThan(1_000);
      expect(calledBefore).toBe(false);
      expect(calledAfter).toBeLessThan(CALLED_WITHIN);
      // Each told once, however often it was tried.
      expect(reasons).toEqual([...new Set(reasons)]);
      expect(reasons.length).toBeGreaterThan(0);
      expect(reasons.length).toBeLessThanOrEqual(3);
    },
  );

  it.each(kinds.map(({ name }) => name))('%s: no node is given up', (name) => {
    expect(results.get(name)?.removed).toEqual([]);
  });

  it.each(kinds.map(({ name }) => name).filter((name) => ['etcd', 'Consul'].includes(name)))(
    '%s: every provider has registered again by itself, and has told its failure once',
    (name) => {
      expect(results.get(name)?.registered).toBe(3);
      const told = newcomer.process.output
        .split('\n')
        .filter((line) => line.includes(`cannot be registered in ${name.toLowerCase()}:`));
      expect(told).toHaveLength(1);
    },
  );
});
