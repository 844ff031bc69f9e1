import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Etcd3 } from 'etcd3';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BalancedClientProxy, LoadBalancerModuleOptions } from 'nestjs-load-balancer';
import { ConsulResolver } from 'nestjs-load-balancer/consul';
import { EtcdResolver } from 'nestjs-load-balancer/etcd';
import { KubernetesResolver } from 'nestjs-load-balancer/kubernetes';
import { firstValueFrom } from 'rxjs';
import { Consumers, ready } from '../support/consumer.js';
import { Fleet, type Provider } from '../support/providers.js';
import { ConsulAgent } from './support/consul.js';
import { whyNoConsul } from './support/consul-package.js';
import { etcdClient, EtcdServer } from './support/etcd.js';
import { KubernetesApiDouble, pod, slice } from './support/kubernetes-api.js';
import { NameServer, ZONE } from './support/named.js';
import { whyMissing } from './support/requirements.js';

/** Milliseconds in which everything has been told once … */
const PATIENCE = 30_000;
/** … and for which nothing is to be told again, though it is tried again several times. */
const QUIET = 5_000;
/** Tokens are UUIDs. */
const TOKEN = '5d2dd0b1-6a0c-4f9c-9f0e-2f3c1a7b8e11';

const file = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
const pair = (name: string) => ({ cert: file(`${name}.cert`), key: file(`${name}.key`) });
const [TRUSTED, OTHER] = [pair('test-only'), pair('other-test-only')];

/** A service that is found, until something goes wrong with it. */
interface Scene {
  readonly target: string;
  readonly options?: Omit<LoadBalancerModuleOptions, 'services'>;
  spoil(): Promise<unknown> | void;
}

/** One row of the table. */
interface Case {
  readonly what: string;
  /** What the one warning must say. */
  readonly says: RegExp;
  /**
   * `all`: the last good set, of the first provider, stays in force. `good`: what has been spoilt was told together with the
   * second provider, which is used, too.
   */
  readonly keeps: 'all' | 'good';
  /** @param name of the service, its own */
  readonly open: (name: string) => Promise<Scene>;
}

const fleet = new Fleet();
const consumers = new Consumers();
const cleanUps: (() => Promise<unknown>)[] = [];
let first: Provider;
let second: Provider;

/** Something that several cases share, opened when the first of them needs it. */
function shared<T>(open: () => Promise<T>, close: (opened: T) => Promise<unknown>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    if (opened === undefined) {
      const opening = (opened = open());
      cleanUps.push(async () => close(await opening));
    }
    return opened;
  };
}

const plainEtcd = shared(
  async () => {
    const [server] = (await EtcdServer.start()) as [EtcdServer];
    return { server, client: etcdClient([server]) };
  },
  ({ server, client }) => {
    client.close();
    return server.stop();
  },
);
const putNode = (client: Etcd3, name: string, { address }: Provider) =>
  client.put(`${name}/${address}`).value(JSON.stringify({ address }));

/** A service in etcd of which a key is written wrong. */
const inEtcd =
  (spoil: (client: Etcd3, name: string) => Promise<unknown>) =>
  async (name: string): Promise<Scene> => {
    const { server, client } = await plainEtcd();
    await putNode(client, name, first);
    return { target: `etcd://${server.endpoint}/${name}`, spoil: () => spoil(client, name) };
  };

const ETCD: Case[] = [
  {
    what: 'a permission that was taken away',
    says: /etcdserver: permission denied/,
    keeps: 'all',
    open: async (name) => {
      const [server] = (await EtcdServer.start()) as [EtcdServer];
      const setup = etcdClient([server]);
      const role = setup.role('shop');
      await role.create();
      const grant = { permission: 'Readwrite', range: setup.range({ prefix: `${name}/` }) } as const;
      await role.grant(grant);
      for (const user of ['root', 'shop']) {
        await setup.user(user).create('password');
        await setup.user(user).addRole(user);
      }
      await putNode(setup, name, first);
      await setup.auth.authEnable();
      setup.close();
      const root = etcdClient([server], { auth: { username: 'root', password: 'password' } });
      cleanUps.push(() => server.stop());
      return {
        target: `etcd://shop:password@${server.endpoint}/${name}`,
        spoil: async () => {
          await root.role('shop').revoke(grant);
          root.close();
          // Until then the watch goes on: etcd asks for permission at its beginning.
          await server.restart();
        },
      };
    },
  },
  {
    what: 'a certificate that is not trusted',
    says: /self-signed certificate/,
    keeps: 'all',
    open: async (name) => {
      const tls = (own: typeof TRUSTED) => ({ tls: { ca: TRUSTED.cert, ...own } });
      const [server] = (await EtcdServer.start(1, tls(TRUSTED))) as [EtcdServer];
      const ca = readFileSync(TRUSTED.cert);
      const client = etcdClient([server], {
        hosts: `https://${server.endpoint}`,
        credentials: { rootCertificate: ca },
      });
      await putNode(client, name, first);
      client.close();
      cleanUps.push(() => server.stop());
      return {
        target: `etcd://${server.endpoint}/${name}`,
        options: { resolvers: [new EtcdResolver({ ca })] },
        spoil: () => server.restart({ settings: tls(OTHER) }),
      };
    },
  },
  {
    what: 'an empty answer',
    says: /the target gave no usable node/,
    keeps: 'all',
    open: inEtcd(async (client, name) => client.delete().prefix(`${name}/`)),
  },
  {
    what: 'a malformed value',
    says: /\/bad: not JSON text/,
    keeps: 'good',
    open: inEtcd(async (client, name) => {
      await client.put(`${name}/bad`).value('{"address":');
      await putNode(client, name, second);
    }),
  },
  {
    what: 'an address of the wrong kind',
    says: /\/bad: address: expected host:port without a scheme, got "unix:/,
    keeps: 'good',
    open: inEtcd(async (client, name) => {
      await client.put(`${name}/bad`).value('{"address":"unix:///run/orders.sock"}');
      await putNode(client, name, second);
    }),
  },
];

const plainConsul = shared(
  () => ConsulAgent.start(),
  (agent) => agent.stop(),
);
const putInstance = (
  agent: ConsulAgent,
  Name: string,
  { name, port }: Pick<Provider, 'name' | 'port'>,
  more: object = {},
) =>
  agent.api('PUT', '/agent/service/register', {
    Name,
    ID: `${Name}-${name}`,
    Address: '127.0.0.1',
    Port: port,
    ...more,
  });

/** A service in Consul of which an instance is told wrong. */
const inConsul =
  (spoil: (agent: ConsulAgent, name: string) => Promise<unknown>) =>
  async (name: string): Promise<Scene> => {
    const agent = await plainConsul();
    await putInstance(agent, name, first);
    return { target: `consul://${agent.address}/${name}`, spoil: () => spoil(agent, name) };
  };

const CONSUL: Case[] = [
  {
    what: 'a permission that was taken away',
    says: /HTTP 403: ACL not found/,
    keeps: 'all',
    open: async (name) => {
      const agent = await ConsulAgent.start({ token: TOKEN });
      cleanUps.push(() => agent.stop());
      await putInstance(agent, name, first);
      const Rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
      await agent.api('PUT', '/acl/policy', { Name: 'reads', Rules });
      const { AccessorID, SecretID } = (await agent.api('PUT', '/acl/token', {
        Policies: [{ Name: 'reads' }],
      })) as { AccessorID: string; SecretID: string };
      return {
        target: `consul://${agent.address}/${name}?wait=1000&token=${SecretID}`,
        spoil: () => agent.api('DELETE', `/acl/token/${AccessorID}`),
      };
    },
  },
  {
    what: 'a certificate that is not trusted',
    says: /self-signed certificate/,
    keeps: 'all',
    open: async (name) => {
      const agent = await ConsulAgent.start({ tls: TRUSTED });
      cleanUps.push(() => agent.stop());
      await putInstance(agent, name, first);
      return {
        target: `consul://${agent.httpsAddress}/${name}`,
        options: { resolvers: [new ConsulResolver({ tls: { ca: readFileSync(TRUSTED.cert) } })] },
        spoil: async () => {
          await agent.kill();
          agent.useCertificate(OTHER);
          await agent.restart();
        },
      };
    },
  },
  {
    what: 'an empty answer',
    says: /Consul shows no instance of "/,
    keeps: 'all',
    open: inConsul((agent, name) => agent.api('PUT', `/agent/service/deregister/${name}-${first.name}`)),
  },
  {
    what: 'a malformed value',
    says: /-bad: weight: expected a number from 0 to 65535, got "heavy"/,
    keeps: 'good',
    open: inConsul(async (agent, name) => {
      await putInstance(
        agent,
        name,
        { name: 'bad', port: 1 },
        {
          Meta: { weight: 'heavy' },
        },
      );
      await putInstance(agent, name, second);
    }),
  },
  {
    what: 'an address of the wrong kind',
    says: /-bad: host: .*unix:/,
    keeps: 'good',
    open: inConsul(async (agent, name) => {
      await putInstance(
        agent,
        name,
        { name: 'bad', port: 1 },
        {
          Address: 'unix:///run/orders.sock',
        },
      );
      await putInstance(agent, name, second);
    }),
  },
];

/** All providers share an address here, and so each has a slice of its own for its port. */
const sliceOf = (
  service: string,
  { name, port }: { name: string; port: number },
  endpoints?: unknown,
  addressType = 'IPv4',
) =>
  slice(`${service}-${name}`, endpoints ?? [pod('127.0.0.1', undefined, name)], {
    service,
    port,
    addressType,
  });

/** A service in an API server of its own. */
const inKubernetes =
  (spoil: (api: KubernetesApiDouble, name: string) => Promise<unknown> | void) =>
  async (name: string): Promise<Scene> => {
    const api = await KubernetesApiDouble.start({ tls: true });
    cleanUps.push(() => api.close());
    api.token = 'the-token-of-the-consumer';
    api.put(sliceOf(name, first));
    return {
      target: `k8s:///shop/${name}:tcp`,
      options: { resolvers: [new KubernetesResolver({ kubeconfig: api.kubeconfig() })] },
      spoil: () => spoil(api, name),
    };
  };

const KUBERNETES: Case[] = [
  {
    what: 'a permission that was taken away',
    says: /the API server answered 403: endpointslices .* is forbidden \(it takes list and watch on endpointslices/,
    keeps: 'all',
    open: inKubernetes((api) => {
      api.refuse = { status: 403, message: 'endpointslices "" is forbidden' };
      api.cut();
    }),
  },
  {
    what: 'a certificate that is not trusted',
    says: /self-signed certificate/,
    keeps: 'all',
    open: inKubernetes(async (api) => api.restart(await api.stop(), 'other-test-only')),
  },
  {
    what: 'an empty answer',
    says: /there is no EndpointSlice of the service shop\//,
    keeps: 'all',
    open: inKubernetes((api, name) => api.delete(sliceOf(name, first))),
  },
  {
    what: 'a malformed value',
    says: /-bad: endpoints: expected a list, got "broken"/,
    keeps: 'good',
    open: inKubernetes((api, name) =>
      api.put(sliceOf(name, { name: 'bad', port: 1 }, 'broken'), sliceOf(name, second)),
    ),
  },
  {
    what: 'an address of the wrong kind',
    says: /-bad: endpoint #0: expected an IPv4 address, got "orders.example.com"/,
    keeps: 'good',
    open: inKubernetes((api, name) =>
      api.put(sliceOf(name, { name: 'bad', port: 1 }, [pod('orders.example.com')]), sliceOf(name, second)),
    ),
  },
];

const plainNamed = shared(
  () => NameServer.start(),
  (server) => server.remove(),
);
const srvRecord = (name: string, port: number, host = 'host') =>
  `_tcp.${name} 1 SRV 0 1 ${port} ${host}.${ZONE}.`;
const srvTarget = (server: NameServer, name: string) =>
  `dns+srv://${server.address}/_tcp.${name}.${ZONE}?interval=1000&family=4`;

/** A service in the DNS whose records are told wrong. */
const inDns =
  (spoil: (server: NameServer, name: string) => Promise<unknown>) =>
  async (name: string): Promise<Scene> => {
    const server = await plainNamed();
    await server.update('add host 1 A 127.0.0.1', `add ${srvRecord(name, first.port)}`);
    return { target: srvTarget(server, name), spoil: () => spoil(server, name) };
  };

/** A service in the DNS whose name server turns bad. */
const inBadDns =
  (how: 'refuses' | 'fails') =>
  async (name: string): Promise<Scene> => {
    const server = await NameServer.start();
    cleanUps.push(() => server.remove());
    await server.update('add host 1 A 127.0.0.1', `add ${srvRecord(name, first.port)}`);
    return { target: srvTarget(server, name), spoil: () => server.turnBad(how) };
  };

const DNS: Case[] = [
  {
    what: 'a permission that was taken away (REFUSED)',
    says: /SRV EREFUSED \(the name server refuses to answer\)/,
    keeps: 'all',
    open: inBadDns('refuses'),
  },
  {
    what: 'a server that fails (SERVFAIL)',
    says: /SRV ESERVFAIL \(the name server failed\)/,
    keeps: 'all',
    open: inBadDns('fails'),
  },
  {
    what: 'an empty answer',
    says: /SRV ENODATA \(the name has no such records\)/,
    keeps: 'all',
    open: inDns((server, name) =>
      server.update(`delete _tcp.${name} SRV`, `add _tcp.${name} 1 TXT something-else`),
    ),
  },
  {
    what: 'a malformed value',
    says: /port: .*0/,
    keeps: 'good',
    open: inDns((server, name) =>
      server.update(`add ${srvRecord(name, 0)}`, `add ${srvRecord(name, second.port)}`),
    ),
  },
  {
    what: 'an address of the wrong kind',
    says: /six\.lb\.test: A ENODATA \(the name has no such records\)/,
    keeps: 'good',
    open: inDns((server, name) =>
      server.update(
        'add six 1 AAAA ::1',
        `add ${srvRecord(name, 1, 'six')}`,
        `add ${srvRecord(name, second.port)}`,
      ),
    ),
  },
];

const REGISTRIES = [
  { registry: 'etcd', missing: whyMissing('etcd', 'etcd-server'), cases: ETCD },
  { registry: 'Consul', missing: whyNoConsul(), cases: CONSUL },
  { registry: 'Kubernetes', missing: undefined, cases: KUBERNETES },
  {
    registry: 'DNS',
    missing: whyMissing('named', 'bind9') ?? whyMissing('nsupdate', 'bind9-dnsutils'),
    cases: DNS,
  },
];
const TABLE = REGISTRIES.filter(({ missing }) => missing === undefined).flatMap(({ registry, cases }) =>
  cases.map((each, index) => ({ ...each, registry, name: `${registry.toLowerCase()}-${index}` })),
);

/** All at once, since most of it is waiting. */
describe('what a registry gets wrong is told once, with its name, and costs no good node:', () => {
  const clients = new Map<string, BalancedClientProxy>();
  const warnings: string[] = [];
  const told = (name: string): string[] => {
    const target = clients.get(name)?.snapshot().discovery.targets[0]?.target ?? 'nothing';
    return warnings.filter((line) => line.includes(target));
  };

  beforeAll(async () => {
    [first, second] = (await fleet.startAll([{}, {}])) as [Provider, Provider];
    const scenes = await Promise.all(TABLE.map(({ open, name }) => open(name)));
    for (const [index, { target, options }] of scenes.entries()) {
      const client = await consumers.open({ target }, options);
      clients.set(TABLE[index]?.name ?? '', client);
    }
    // Nest's log was switched off with the applications.
    const note = (message: unknown): void => void warnings.push(String(message));
    Logger.overrideLogger({ log: () => undefined, warn: note, error: note });
    await Promise.all([...clients.values()].map((client) => ready(client, 1)));
    // So many that begin at once on a busy machine may not all get through at first.
    warnings.length = 0;

    await Promise.all(scenes.map(async (scene) => scene.spoil()));
    const end = performance.now() + PATIENCE;
    while (
      TABLE.some(({ name, says }) => !told(name).some((line) => says.test(line))) &&
      performance.now() < end
    )
      await sleep(50);
    await sleep(QUIET);
  }, 90_000);
  afterAll(async () => {
    Logger.overrideLogger(false);
    await consumers.close();
    await fleet.stop();
    await Promise.all(cleanUps.map((cleanUp) => cleanUp()));
  });

  it.each(TABLE)('$registry: $what', async ({ name, says, keeps }) => {
    const client = clients.get(name) as BalancedClientProxy;
    const { state } = client.snapshot().discovery;
    const nodes = client.nodes().map(({ key }) => key);
    const lines = told(name);

    expect(lines.filter((line) => says.test(line))).toHaveLength(1);
    // What it takes to turn bad, such as a restart, may be told, too.
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines).toEqual([...new Set(lines)]);
    expect(state).toBe(keeps === 'all' ? 'failing' : 'ok');
    const expected = keeps === 'all' ? [first] : [first, second];
    expect(nodes.sort()).toEqual(expected.map(({ address }) => address).sort());
    expect(await firstValueFrom(client.send({ cmd: 'who' }, {}))).toMatch(/^node-[12]$/);
  });
});
