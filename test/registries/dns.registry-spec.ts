import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy, LoadBalancerEvent } from 'nestjs-load-balancer';
import { NoNodesError } from 'nestjs-load-balancer';
import { DnsResolver } from 'nestjs-load-balancer/dns';
import { filter, firstValueFrom } from 'rxjs';
import { milliseconds, printFigures } from '../faults/support/figures.js';
import { failure, inParallel, tally } from '../support/calls.js';
import { Consumers, nodesBecome, ready } from '../support/consumer.js';
import { freePort } from '../support/ports.js';
import { Fleet } from '../support/providers.js';
import { NameServer, ZONE } from './support/named.js';
import { whyMissing } from './support/requirements.js';

const missing = whyMissing('named', 'bind9') ?? whyMissing('nsupdate', 'bind9-dnsutils');
const withNamed = missing === undefined ? describe : describe.skip;

const WHO = { cmd: 'who' };
/** Milliseconds by which a busy machine, with other tests on it, may be late. */
const SLACK = 4_000;
const fleet = new Fleet();
const consumers = new Consumers();

/** A name of its own for each test, so that they can share the server. */
let host: string;
let names = 0;
let server: NameServer;

const who = (client: BalancedClientProxy): Promise<string> => firstValueFrom(client.send<string>(WHO, {}));
const keys = (client: BalancedClientProxy): string[] => client.nodes().map(({ key }) => key);

function told<T extends LoadBalancerEvent['type']>(
  client: BalancedClientProxy,
  type: T,
): Promise<LoadBalancerEvent & { type: T }> {
  return firstValueFrom(
    client.events.pipe(filter((event): event is LoadBalancerEvent & { type: T } => event.type === type)),
  );
}

function nodesAre(client: BalancedClientProxy, ...expected: string[]): Promise<void> {
  return nodesBecome(
    client,
    expected.join(', '),
    (nodes) => nodes.map(({ key }) => key).join() === expected.join(),
  );
}

withNamed('a real name server', () => {
  beforeAll(async () => {
    server = await NameServer.start();
  });

  afterAll(async () => {
    await server.remove();
  });

  beforeEach(() => {
    host = `h${++names}`;
  });

  afterEach(async () => {
    await consumers.close();
    await fleet.stop();
  });

  const dns = (port: number, params = ''): string =>
    `dns://${server.address}/${host}.${ZONE}:${port}${params}`;
  const srv = (params = ''): string => `dns+srv://${server.address}/_orders._tcp.${host}.${ZONE}${params}`;

  it('tells of nodes that come and go, by their A and AAAA records', async () => {
    const port = await freePort();
    await fleet.startAll([1, 2, 3].map((last) => ({ host: `127.0.0.${last}`, port })));
    await server.update(`add ${host} 1 A 127.0.0.1`);
    const client = await consumers.open({ target: dns(port), strategy: 'round-robin' });
    await ready(client, 1);

    const added = performance.now();
    await server.update(`add ${host} 1 A 127.0.0.2`, `add ${host} 1 A 127.0.0.3`);
    await ready(client, 3);
    const seen = performance.now();
    const answers = await inParallel(30, 3, () => who(client));
    await server.update(`delete ${host} A 127.0.0.1`, `add ${host} 1 AAAA ::1`);
    await nodesAre(client, `127.0.0.2:${port}`, `127.0.0.3:${port}`, `[::1]:${port}`);
    printFigures('DNS, TTL 1 s', { 'new nodes ready after': milliseconds(seen - added) });
    // Within the time to live and a second.
    expect(seen - added).toBeLessThan(1_000 + 1_000 + SLACK);

    expect(Object.keys(tally(answers)).sort()).toEqual(['node-1', 'node-2', 'node-3']);
  });

  it('changes nothing while it only tells the same addresses in another order', async () => {
    await server.update(...[1, 2, 3, 4, 5].map((last) => `add ${host} 1 A 127.0.1.${last}`));
    const client = await consumers.open({ target: dns(await freePort(), '?minInterval=100') });
    await told(client, 'resolved');
    const events: string[] = [];
    client.events.subscribe(({ type }) => events.push(type));
    const successes = new Set<number>();
    while (successes.size < 4) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      successes.add(Number(client.snapshot().discovery.lastSuccess));
    }

    expect(events.filter((type) => type === 'resolved' || type.startsWith('node-a'))).toEqual([]);
    expect(client.snapshot().discovery).toMatchObject({ state: 'ok', targets: [{ nodes: 5 }] });
  });

  it('tells ports, priorities and weights by SRV records, and changes of them', async () => {
    const [first, second] = await fleet.startAll([{}, {}]);
    const record = `_orders._tcp.${host}`;
    await server.update(
      `add a.${host} 1 A 127.0.0.1`,
      `add ${record} 1 SRV 10 6 ${first!.port} a.${host}.${ZONE}.`,
      `add ${record} 1 SRV 20 0 ${second!.port} a.${host}.${ZONE}.`,
    );
    const client = await consumers.open({ target: srv('?interval=1000') });
    await ready(client, 2);
    const labels = client.nodes().map(({ key, endpoint: { priority, weight, metadata } }) => ({
      key,
      priority,
      weight,
      metadata,
    }));
    const metadata = { hostname: `a.${host}.${ZONE}` };
    expect(labels).toEqual([
      { key: first!.address, priority: 10, weight: 6, metadata },
      { key: second!.address, priority: 20, weight: 1, metadata },
    ]);

    await server.update(`delete ${record} SRV 10 6 ${first!.port} a.${host}.${ZONE}.`);
    await nodesAre(client, second!.address);
    expect(await who(client)).toBe('node-2');

    const failed = told(client, 'resolve-failed');
    await server.update(`delete ${record} SRV`, `add ${record} 1 SRV 0 0 0 .`);
    expect((await failed).reason).toContain('says that the service is not offered');
    expect(keys(client)).toEqual([second!.address]);
  });

  it('keeps the last nodes when the name is gone, and recovers', async () => {
    const provider = await fleet.start();
    await server.update(`add ${host} 1 A 127.0.0.1`);
    const client = await consumers.open({ target: dns(provider.port) });
    await ready(client, 1);
    const failed = told(client, 'resolve-failed');
    await server.update(`delete ${host} A`);
    expect(await failed).toMatchObject({
      target: dns(provider.port),
      reason: `${host}.${ZONE}: A and AAAA ENOTFOUND (there is no such name); asked ${server.address}`,
    });
    expect(client.snapshot()).toMatchObject({ status: 'degraded', discovery: { state: 'failing' } });
    expect(await who(client)).toBe('node-1');

    const again = told(client, 'resolved');
    await server.update(`add ${host} 1 A 127.0.0.1`);
    const back = performance.now();
    expect(await again).toMatchObject({ nodes: 1 });
    expect(performance.now() - back).toBeLessThan(5_000 + SLACK);
    expect(client.snapshot()).toMatchObject({ status: 'up', discovery: { state: 'ok', error: undefined } });
  });

  it('tells of 200 nodes, whose answers take TCP', async () => {
    // More of one kind bind9 refuses by default.
    const last = Array.from({ length: 100 }, (_, index) => index + 1);
    await server.update(
      ...last.map((byte) => `add ${host} 60 A 127.1.0.${byte}`),
      ...last.map((byte) => `add ${host} 60 AAAA fd00::${byte}`),
    );
    const client = await consumers.open({
      target: dns(await freePort()),
      connection: { eager: 0 },
      healthCheck: false,
    });
    expect(await told(client, 'resolved')).toMatchObject({ nodes: 200 });
    await server.wasAskedOverTcp(host, 'A');
    await server.wasAskedOverTcp(host, 'AAAA');
  });

  it('is named by the resolver’s own options as well', async () => {
    const provider = await fleet.start();
    await server.update(`add ${host} 1 A 127.0.0.1`);
    const client = await consumers.open(
      { target: `dns:///${host}.${ZONE}:${provider.port}` },
      { resolvers: [new DnsResolver({ servers: [server.address], family: 4 })] },
    );
    await ready(client, 1);
    expect(await who(client)).toBe('node-1');
  });

  describe('with a fallback that needs none', () => {
    it('whose nodes come after its own', async () => {
      const [own, other] = await fleet.startAll([{}, {}]);
      await server.update(`add ${host} 1 A 127.0.0.1`);
      const target = [dns(own!.port), `static:///${other!.address}`];
      const client = await consumers.open({ target });
      await ready(client, 2);
      expect(client.nodes().map(({ key, endpoint }) => [key, endpoint.priority])).toEqual([
        [own!.address, 0],
        [other!.address, 65_536],
      ]);
      expect(client.snapshot().discovery.targets).toMatchObject([
        { target: target[0], state: 'ok', nodes: 1, error: undefined },
        { target: target[1], state: 'ok', nodes: 1, age: 0, error: undefined },
      ]);
    });

    it('whose nodes are called while nobody answers, and which shows', async () => {
      const provider = await fleet.start();
      const nobody = await freePort();
      const client = await consumers.open({
        target: [`dns://127.0.0.1:${nobody}/${host}.${ZONE}:1`, `static:///${provider.address}`],
      });
      expect(await who(client)).toBe('node-1');
      expect(client.snapshot()).toMatchObject({
        status: 'degraded',
        discovery: {
          state: 'failing',
          targets: [{ state: 'failing', lastSuccess: undefined, nodes: 0 }, { state: 'ok' }],
        },
      });
    });
  });
});

describe('without a name server', () => {
  afterEach(async () => {
    await consumers.close();
    await fleet.stop();
  });

  it('a name of the hosts file is found', async () => {
    const provider = await fleet.start();
    const client = await consumers.open({ target: `dns:///localhost:${provider.port}?family=4` });
    await ready(client, 1);
    expect(keys(client)).toEqual([provider.address]);
    expect(await who(client)).toBe('node-1');
  });

  it('a call fails at once with the reason', async () => {
    const nobody = await freePort();
    const client = await consumers.open({ target: `dns://127.0.0.1:${nobody}/orders.${ZONE}:1` });
    const error = await failure(client.send(WHO, {}));
    expect(error).toBeInstanceOf(NoNodesError);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^orders: no node is known for dns:.* \(orders\.lb\.test: A and AAAA E\w+ \(.*\); asked 127\.0\.0\.1:\d+\)$/,
      ),
    });
  });
});
