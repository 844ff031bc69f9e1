import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy, LoadBalancerEvent } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumers, ready } from '../support/consumer.js';
import { Fleet } from '../support/providers.js';
import { etcdClient, EtcdServer } from './support/etcd.js';
import { SteadyCalls } from './support/steady-calls.js';
import { whyMissing } from './support/requirements.js';

/** Milliseconds; more than twice the lease, so that every provider has given its own up. */
const OUTAGE = 30_000;
const TTL = 5;

const missing = whyMissing('etcd', 'etcd-server');

(missing === undefined ? describe : describe.skip)('an outage of etcd, under load', () => {
  const consumers = new Consumers();
  const fleet = new Fleet();
  let server: EtcdServer;
  let client: BalancedClientProxy;
  let calls: SteadyCalls;
  let removed: LoadBalancerEvent[];
  beforeEach(async () => {
    [server] = (await EtcdServer.start()) as [EtcdServer];
    client = await consumers.open({ target: `etcd://${server.endpoint}/orders` });
    await Promise.all([start(), start()]);
    await ready(client, 2);
    removed = [];
    client.events.subscribe((event) => {
      if (event.type === 'node-removed') removed.push(event);
    });
    calls = new SteadyCalls(() => firstValueFrom(client.send({ cmd: 'who' }, {})));
  });
  afterEach(async () => {
    await calls.stop();
    await consumers.close();
    await fleet.stop();
    await server.stop();
  });
  const start = () =>
    fleet.start({ server: 'balanced', register: `etcd://${server.endpoint}/orders?ttl=${TTL}` });
  const registered = async (): Promise<string[]> => {
    const etcd = etcdClient([server]);
    const keys = await etcd.getAll().prefix('orders/').keys();
    etcd.close();
    return keys.sort();
  };

  it(`fails no call in ${OUTAGE / 1_000} s, calls what came meanwhile within 5 s, and registers all again`, async () => {
    await server.kill();
    await sleep(OUTAGE / 2);
    const newcomer = await start();
    await newcomer.process.wrote('cannot be registered');
    await sleep(OUTAGE / 2);
    await server.restart();
    const backAt = performance.now();
    await ready(client, 3);
    const calledAfter = performance.now() - backAt;
    // Longer than the old leases last, and than nodes that have vanished are kept.
    await sleep(16_000);
    const { made, failures } = await calls.stop();
    console.info(
      `etcd away for ${OUTAGE / 1_000} s: ${made} calls, ${failures.length} failed; the newcomer was ready ${Math.round(calledAfter)} ms after`,
    );
    expect(failures).toEqual([]);
    expect(made).toBeGreaterThan(1_000);
    expect(calledAfter).toBeLessThan(5_000);
    expect(removed).toEqual([]);
    expect(await registered()).toHaveLength(3);
    // One line for each failure, however often it was tried.
    expect(newcomer.process.output.split('cannot be registered')).toHaveLength(2);
  }, 90_000);

  it('keeps every node when etcd comes back without its data, until all have registered again', async () => {
    await server.restart({ lost: true });
    await calls.until(500);
    while ((await registered()).length < 2) await sleep(100);
    const { failures } = await calls.stop();
    expect(failures).toEqual([]);
    expect(removed).toEqual([]);
    expect(client.nodes()).toHaveLength(2);
  });
});
