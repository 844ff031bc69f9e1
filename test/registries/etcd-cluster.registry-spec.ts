import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy, LoadBalancerEvent } from 'nestjs-load-balancer';
import { EtcdRegistrar } from 'nestjs-load-balancer/etcd';
import { firstValueFrom } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumers, nodesBecome, ready } from '../support/consumer.js';
import { Fleet } from '../support/providers.js';
import { EtcdServer, etcdTarget, leaderOf } from './support/etcd.js';
import { whyMissing } from './support/requirements.js';
import { SteadyCalls } from './support/steady-calls.js';

const missing = whyMissing('etcd', 'etcd-server');

(missing === undefined ? describe : describe.skip)('three etcd servers whose leader is killed', () => {
  const consumers = new Consumers();
  const fleet = new Fleet();
  let servers: EtcdServer[];
  let client: BalancedClientProxy;
  let target: string;
  let calls: SteadyCalls | undefined;
  beforeEach(async () => {
    servers = await EtcdServer.start(3);
    target = `etcd://${servers.map(({ endpoint }) => endpoint).join(',')}/orders`;
    client = await consumers.open({ target });
    await Promise.all([1, 2].map(() => fleet.start({ server: 'balanced', register: `${target}?ttl=3000` })));
    await ready(client, 2);
  });
  afterEach(async () => {
    await calls?.stop();
    await consumers.close();
    await fleet.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('keep every node, fail no call, and take a registration within two seconds', async () => {
    const events: LoadBalancerEvent[] = [];
    client.events.subscribe((event) => events.push(event));
    calls = new SteadyCalls(() => firstValueFrom(client.send({ cmd: 'who' }, {})));
    const newcomer = await fleet.start();
    await (await leaderOf(servers)).kill();
    const killedAt = performance.now();
    const lease = await new EtcdRegistrar().register(
      { service: 'orders', host: '127.0.0.1', port: newcomer.port },
      etcdTarget(target),
      () => undefined,
      AbortSignal.timeout(10_000),
    );
    const took = performance.now() - killedAt;
    await nodesBecome(client, 'the newcomer', (nodes) => nodes.length === 3);
    // Twice the lease, so that what was not kept alive is gone.
    await sleep(6_000);
    const { made, failures } = await calls.stop();
    console.info(
      `leader killed: ${made} calls, ${failures.length} failed; registered ${Math.round(took)} ms after`,
    );
    expect(failures).toEqual([]);
    expect(events.filter(({ type }) => type === 'node-removed')).toEqual([]);
    expect(client.nodes()).toHaveLength(3);
    expect(took).toBeLessThan(2_000);
    await lease.deregister();
    await nodesBecome(client, 'the newcomer gone', (nodes) => nodes.length === 2);
  });
});
