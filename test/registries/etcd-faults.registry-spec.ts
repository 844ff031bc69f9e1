import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Etcd3 } from 'etcd3';
import type { ResolverEmission } from 'nestjs-load-balancer';
import { EtcdResolver } from 'nestjs-load-balancer/etcd';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EMPTY, firstValueFrom, type Subscription } from 'rxjs';
import { etcdClient, EtcdServer, etcdTarget } from './support/etcd.js';
import { EtcdProxy } from './support/etcd-proxy.js';
import { whyMissing } from './support/requirements.js';

const missing = whyMissing('etcd', 'etcd-server');

/** Looks until it is so; the test's own timeout is the limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10);
}

(missing === undefined ? describe : describe.skip)('an etcd', () => {
  let server: EtcdServer;
  let etcd: Etcd3;
  let proxy: EtcdProxy;
  let watching: Subscription | undefined;
  let emissions: ResolverEmission[];
  beforeAll(async () => {
    [server] = (await EtcdServer.start()) as [EtcdServer];
    etcd = etcdClient([server]);
  });
  afterAll(async () => {
    etcd.close();
    await server.stop();
  });
  beforeEach(async () => {
    proxy = await EtcdProxy.to(server.port);
    emissions = [];
  });
  afterEach(() => {
    watching?.unsubscribe();
    proxy.close();
  });

  const put = (path: string, port: number) =>
    etcd.put(`${path}/${port}`).value(`{"address":"127.0.0.1:${port}"}`);
  const watch = (path: string): void => {
    watching = new EtcdResolver()
      .watch(etcdTarget(`etcd://127.0.0.1:${proxy.port}/${path}`), EMPTY)
      .subscribe((emission) => emissions.push(emission));
  };
  /** The ports of each set that was told. */
  const sets = (): number[][] =>
    emissions.flatMap((emission) =>
      Array.isArray(emission) ? [emission.map(({ port }: { port: number }) => port)] : [],
    );

  it('one of whose endpoints accepts and never answers is asked over another one', async () => {
    await put('hung', 4_001);
    const sockets: Socket[] = [];
    const hung = createServer((socket) => sockets.push(socket.on('error', () => undefined).resume()));
    hung.listen(0, '127.0.0.1');
    await once(hung, 'listening');
    const uri = `etcd://127.0.0.1:${(hung.address() as AddressInfo).port},${server.endpoint}/hung`;
    // Which one is asked first is a matter of chance.
    const first = await Promise.all(
      Array.from({ length: 12 }, () => firstValueFrom(new EtcdResolver().watch(etcdTarget(uri), EMPTY))),
    );
    hung.close();
    for (const socket of sockets) socket.destroy();
    expect(sockets.length).toBeGreaterThan(0);
    expect(first).toEqual(first.map(() => [{ host: '127.0.0.1', port: 4_001 }]));
  });

  it('that compacts what the watch was to begin with is listed anew', async () => {
    await put('compacted', 4_001);
    let compactions = 0;
    proxy.beforeAnswer = async (answer) => {
      if (!answer.includes('127.0.0.1:4001') || compactions === 2) return;
      compactions++;
      await put('compacted', 4_001);
      const { header } = await put('compacted', 4_001 + compactions);
      await etcd.kv.compact({ revision: header.revision, physical: true });
    };
    watch('compacted');
    await until(() => sets().length === 3);
    expect(sets()).toEqual([[4_001], [4_001, 4_002], [4_001, 4_002, 4_003]]);
    // The first time may be of no account; the second is told.
    expect(emissions.filter((emission) => 'failure' in emission)).toEqual([
      { failure: 'etcd has compacted the revision of the watch' },
    ]);
  });

  it('from which contact is lost again and again holds a node over that is gone, but not for ever', async () => {
    await Promise.all([4_001, 4_002, 4_003].map((port) => put('flaky', port)));
    watch('flaky');
    await until(() => sets().length === 1);
    proxy.isAway = true;
    proxy.cut();
    await etcd.delete().key('flaky/4003');
    proxy.isAway = false;
    await until(() => sets().length === 2);
    const cutting = setInterval(() => proxy.cut(), 5_000);
    await until(() => sets().at(-1)?.length === 2).finally(() => clearInterval(cutting));
    expect(proxy.accepted).toBeGreaterThan(3);
    expect(sets()[1]).toEqual([4_001, 4_002, 4_003]);
    expect(sets().at(-1)).toEqual([4_001, 4_002]);
  }, 60_000);
});
