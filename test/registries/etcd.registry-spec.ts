import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Etcd3 } from 'etcd3';
import type { BalancedClientProxy, ServiceOptions } from 'nestjs-load-balancer';
import { EtcdResolver } from 'nestjs-load-balancer/etcd';
import { EMPTY, firstValueFrom, Subject } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../support/calls.js';
import { Consumers, nodesBecome, ready } from '../support/consumer.js';
import { Fleet, type Provider } from '../support/providers.js';
import { SilentProxy } from '../support/silent-proxy.js';
import { etcdClient, EtcdServer, etcdTarget } from './support/etcd.js';
import { whyMissing } from './support/requirements.js';

/** Looks until it is so; the test's own timeout is the limit. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(10);
}

const missing = whyMissing('etcd', 'etcd-server');

(missing === undefined ? describe : describe.skip)('etcd', () => {
  const consumers = new Consumers();
  const fleet = new Fleet();
  let server: EtcdServer;
  let etcd: Etcd3;
  let path = 0;
  /** A path of its own for each test. */
  let orders: string;
  beforeAll(async () => {
    [server] = (await EtcdServer.start()) as [EtcdServer];
    etcd = etcdClient([server]);
  });
  afterAll(async () => {
    etcd.close();
    await server.stop();
  });
  afterEach(async () => {
    await consumers.close();
    await fleet.stop();
  });

  const nextTarget = (params = ''): string => {
    orders = `shop/orders-${++path}`;
    return `etcd://${server.endpoint}/${orders}${params}`;
  };
  const open = (target: string, options: Partial<ServiceOptions> = {}): Promise<BalancedClientProxy> =>
    consumers.open({ target, ...options });
  const start = (target: unknown, config: object = {}): Promise<Provider> =>
    fleet.start({ server: 'balanced', register: target, ...config });

  it('calls a provider within a second of its registration, which tells version, weight, zone and features', async () => {
    const target = nextTarget('?ttl=5000');
    const client = await open(target.split('?')[0] as string);
    const register = {
      target,
      weight: 3,
      zone: 'a',
      priority: 1,
      version: '1.4.0',
      metadata: { team: 'shop' },
    };
    const listening = start(register, { name: 'new' });
    const listenedAt = listening.then(() => performance.now());
    const answer = await firstValueFrom(
      client.send({ cmd: 'who' }, {}, { waitForReady: true, timeout: 15_000 }),
    );
    expect(answer).toBe('new');
    expect(performance.now() - (await listenedAt)).toBeLessThan(1_000);
    expect(client.nodes()[0]).toMatchObject({
      key: (await listening).address,
      endpoint: {
        weight: 3,
        zone: 'a',
        priority: 1,
        metadata: { team: 'shop', version: '1.4.0', 'lb-features': 'context,cancel,drain,trailer' },
      },
    });
  });

  it('publishes the documented value, and reads one that another language wrote', async () => {
    const client = await open(nextTarget());
    const target = `etcd://${server.endpoint}/${orders}`;
    const provider = await start(target);
    const key = `${orders}/${provider.address}`;
    await ready(client, 1);
    expect(JSON.parse((await etcd.get(key).string()) as string)).toEqual({
      address: provider.address,
      metadata: { 'lb-features': 'context,cancel,drain,trailer' },
    });

    const other = await fleet.start();
    await etcd
      .put(`${orders}/any-id`)
      .value(`{"address":"${other.address}","version":"2","zone":null,"draining":false,"health":{"new":1}}`);
    await ready(client, 2);
    expect(client.nodes().find(({ key }) => key === other.address)?.endpoint.metadata).toEqual({
      version: '2',
    });
  });

  it('takes a provider off before its listener closes, and without waiting for its lease', async () => {
    const client = await open(nextTarget());
    const provider = await start(`etcd://${server.endpoint}/${orders}?ttl=60000`);
    await start(`etcd://${server.endpoint}/${orders}?ttl=60000`);
    await ready(client, 2);
    await provider.process.terminate();
    expect(await etcd.getAll().prefix(`${orders}/`).keys()).toHaveLength(1);
    await nodesBecome(client, 'one node', (nodes) => nodes.length === 1);
    const { output } = provider.process;
    expect(output).toContain('Deregistered orders');
    expect(output.indexOf('Deregistered')).toBeLessThan(output.indexOf('Drain'));
  });

  it('takes one that dies out of rotation at once, and out of the registry within its lease', async () => {
    const ttl = 5_000;
    const target = `${nextTarget()}?ttl=${ttl}`;
    const client = await open(target.split('?')[0] as string);
    const providers = [await start(target), await start(target)];
    await ready(client, 2);
    const dead = providers[0] as Provider;
    await dead.process.kill();
    const died = performance.now();
    await nodesBecome(client, 'disconnected', (nodes) =>
      nodes.some(({ key, status }) => key === dead.address && status === 'disconnected'),
    );
    // At once: its key is still there.
    expect(await etcd.getAll().prefix(`${orders}/`).keys()).toHaveLength(2);
    await nodesBecome(client, 'one node', (nodes) => nodes.length === 1);
    // etcd looks every half a second which leases have run out; the rest is for a busy machine.
    expect(performance.now() - died).toBeLessThan(ttl + 500 + 4_000);
  });

  it('registers every kind of server on Nest 11 and 12, once it accepts, and takes it off again', async () => {
    const client = await open(nextTarget(), { strategy: 'round-robin' });
    // Of the stock server the module is told at once, of the hybrid app later.
    const kinds = ([11, 12] as const).flatMap((nest) =>
      (['balanced', 'stock', 'hybrid'] as const).map((kind) => ({
        nest,
        server: kind,
        name: `${kind}-${nest}`,
      })),
    );
    const providers = await Promise.all(
      kinds.map((kind) => start(`etcd://${server.endpoint}/${orders}`, kind)),
    );
    await ready(client, kinds.length);
    const answers = await inParallel(kinds.length, 1, () =>
      firstValueFrom(client.send<string>({ cmd: 'who' }, {})),
    );
    expect(answers.sort()).toEqual(kinds.map(({ name }) => name).sort());
    for (const { process } of providers) expect(process.output).not.toContain('cannot be registered');
    await Promise.all(providers.map(({ process }) => process.terminate()));
    expect(await etcd.getAll().prefix(`${orders}/`).keys()).toEqual([]);
  });

  it('registers anew what has lost its lease', async () => {
    const client = await open(nextTarget());
    const provider = await start(`etcd://${server.endpoint}/${orders}?ttl=3000`);
    await ready(client, 1);
    const leases = (await etcd.leaseClient.leaseLeases()).leases;
    for (const { ID } of leases) await etcd.leaseClient.leaseRevoke({ ID });
    await provider.process.wrote('its lease has run out');
    const keys = () => etcd.getAll().prefix(`${orders}/`).keys();
    await until(async () => (await keys()).length > 0);
    expect(await keys()).toEqual([`${orders}/${provider.address}`]);
  });

  it('uses the good part of what is there, and tells which keys are bad', async () => {
    const target = etcdTarget(nextTarget());
    const node = { host: '127.0.0.1', port: 4_001 };
    await etcd.put(`${orders}/a`).value('{"address":"127.0.0.1:4001"}');
    await etcd.put(`${orders}/b`).value('{"address":');
    await etcd.put(`${orders}/c`).value('{"address":"http://10.0.0.1:4001"}');
    await etcd.put(`${orders}/d`).value('{"address":"10.0.0.1:4001","weight":"heavy"}');
    await etcd.put(`${orders}/e`).value('[]');
    await etcd.put(`${orders}/deeper/f`).value('of another service');
    const emission = await firstValueFrom(new EtcdResolver().watch(target, EMPTY));
    expect(emission).toEqual({
      nodes: [node],
      warning:
        `${orders}/b: not JSON text; ` +
        `${orders}/c: address: expected host:port without a scheme, got "http://10.0.0.1:4001"; ` +
        `${orders}/d: weight: expected a number from 0 to 65535, got "heavy"; and 1 more`,
    });
  });

  it('finds a watch that has silently died, and what it missed, even if that has been compacted', async () => {
    const target = etcdTarget(nextTarget());
    await etcd.put(`${orders}/a`).value('{"address":"127.0.0.1:4001"}');
    const proxy = await SilentProxy.to(server.port);
    const emissions: unknown[] = [];
    const refresh = new Subject<void>();
    const subscription = new EtcdResolver()
      .watch({ ...target, authority: `127.0.0.1:${proxy.port}` }, refresh)
      .subscribe((emission) => emissions.push(emission));
    await until(() => emissions.length > 0);
    refresh.next();
    await until(() => emissions.length > 1);
    expect(emissions[1]).toEqual({ alive: true });

    proxy.silence();
    await etcd.put(`${orders}/b`).value('{"address":"127.0.0.1:4002"}');
    await etcd.delete().key(`${orders}/b`);
    const { header } = await etcd.put(`${orders}/c`).value('{"address":"127.0.0.1:4003"}');
    await etcd.kv.compact({ revision: header.revision, physical: true });
    await sleep(1_000);
    expect(emissions).toHaveLength(2);
    refresh.next();
    await until(() => emissions.length > 2);
    subscription.unsubscribe();
    proxy.close();
    expect(emissions.at(-1)).toEqual([
      { host: '127.0.0.1', port: 4_001 },
      { host: '127.0.0.1', port: 4_003 },
    ]);
  });

  it('takes ten thousand nodes in a few sets', async () => {
    const client = await open(nextTarget(), { connection: { eager: 0 }, healthCheck: false });
    const sets: number[] = [];
    client.events.subscribe((event) => {
      if (event.type === 'resolved') sets.push(event.nodes);
    });
    const keys = Array.from({ length: 10_000 }, (_, index) => index);
    const before = process.cpuUsage();
    for (let from = 0; from < keys.length; from += 100) {
      await Promise.all(
        keys
          .slice(from, from + 100)
          .map((index) =>
            etcd
              .put(`${orders}/${index}`)
              .value(JSON.stringify({ address: `10.1.${index >> 8}.${index & 255}:4001` })),
          ),
      );
    }
    await nodesBecome(client, '10 000 nodes', (nodes) => nodes.length === 10_000);
    const { user, system } = process.cpuUsage(before);
    console.info(
      `10 000 nodes registered one by one: ${sets.length} sets, ${Math.round((user + system) / 1_000)} ms of CPU, the writer's among it`,
    );
    expect(sets.length).toBeLessThan(200);
  });
});
