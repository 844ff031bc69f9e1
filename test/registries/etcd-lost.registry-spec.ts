import { afterEach, describe, expect, it } from '@jest/globals';
import type { LoadBalancerEvent } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumers, ready } from '../support/consumer.js';
import { Fleet } from '../support/providers.js';
import { etcdClient, EtcdServer } from './support/etcd.js';
import { whyMissing } from './support/requirements.js';
import { SteadyCalls } from './support/steady-calls.js';

const missing = whyMissing('etcd', 'etcd-server');

(missing === undefined ? describe : describe.skip)('an etcd that comes back without its data', () => {
  const consumers = new Consumers();
  const fleet = new Fleet();
  let server: EtcdServer | undefined;
  afterEach(async () => {
    await consumers.close();
    await fleet.stop();
    await server?.stop();
  });

  it('loses no node until all have registered again, and fails no call', async () => {
    const [etcd] = (await EtcdServer.start()) as [EtcdServer];
    server = etcd;
    const target = `etcd://${etcd.endpoint}/orders`;
    await Promise.all(
      ['first', 'second'].map((name) =>
        fleet.start({ name, server: 'balanced', register: `${target}?ttl=5000` }),
      ),
    );
    const client = await consumers.open({ target });
    await ready(client, 2);
    const removed: LoadBalancerEvent[] = [];
    client.events.subscribe((event) => {
      if (event.type === 'node-removed') removed.push(event);
    });
    const calls = new SteadyCalls(() => firstValueFrom(client.send({ cmd: 'who' }, {})));

    await etcd.restart({ lost: true });
    await calls.until(500);
    const reader = etcdClient([etcd]);
    while ((await reader.getAll().prefix('orders/').keys()).length < 2) await sleep(100);
    reader.close();
    const { failures } = await calls.stop();
    expect(failures).toEqual([]);
    expect(removed).toEqual([]);
    expect(client.nodes()).toHaveLength(2);
  });
});
