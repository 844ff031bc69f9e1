import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Etcd3 } from 'etcd3';
import {
  RegistrationRefusedError,
  type BalancedClientProxy,
  type LoadBalancerEvent,
  type ResolverEmission,
} from 'nestjs-load-balancer';
import { EtcdRegistrar, EtcdResolver, type EtcdOptions } from 'nestjs-load-balancer/etcd';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EMPTY, firstValueFrom } from 'rxjs';
import { filter, map } from 'rxjs/operators';
import { fileURLToPath } from 'node:url';
import { Consumers, ready } from '../support/consumer.js';
import { Fleet } from '../support/providers.js';
import { etcdClient, EtcdServer, etcdTarget } from './support/etcd.js';
import { EtcdProxy } from './support/etcd-proxy.js';
import { whyMissing } from './support/requirements.js';

const PASSWORD = 'p4ss/w:rd@1%';
const IN_URI = encodeURIComponent(PASSWORD);
const file = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const CERT = file('test-only.cert.pem');
const KEY = file('test-only.key.pem');

const missing = whyMissing('etcd', 'etcd-server');

(missing === undefined ? describe : describe.skip)('an etcd with', () => {
  const consumers = new Consumers();
  const fleet = new Fleet();
  let server: EtcdServer;
  afterEach(async () => {
    await consumers.close();
    await fleet.stop();
  });
  const open = (target: string, options: EtcdOptions = {}): Promise<BalancedClientProxy> =>
    consumers.open({ target }, { resolvers: [new EtcdResolver(options)] });
  const failure = (client: BalancedClientProxy): Promise<string> =>
    firstValueFrom(
      client.events.pipe(
        filter(
          (event): event is LoadBalancerEvent & { type: 'resolve-failed' } => event.type === 'resolve-failed',
        ),
        map((event) => JSON.stringify([event, client.snapshot()])),
      ),
    );
  const register = (target: string, options: EtcdOptions = {}) =>
    new EtcdRegistrar(options).register(
      { service: 'orders', host: '127.0.0.1', port: 4_001 },
      etcdTarget(target),
      () => undefined,
      AbortSignal.timeout(10_000),
    );

  describe('role auth', () => {
    let root: Etcd3;
    beforeAll(async () => {
      [server] = (await EtcdServer.start()) as [EtcdServer];
      const setup = etcdClient([server]);
      await setup.user('root').create('root');
      await setup.user('root').addRole('root');
      const role = setup.role('shop');
      await role.create();
      await role.grant({ permission: 'Readwrite', range: setup.range({ prefix: 'shop/' }) });
      await setup.user('shop').create(PASSWORD);
      await setup.user('shop').addRole('shop');
      await setup.auth.authEnable();
      setup.close();
      root = etcdClient([server], { auth: { username: 'root', password: 'root' } });
    });
    afterAll(async () => {
      root.close();
      await server.stop();
    });

    it('lets a user in, whose password is in the target or in the options', async () => {
      const provider = await fleet.start({
        server: 'balanced',
        register: `etcd://shop:${IN_URI}@${server.endpoint}/shop/orders`,
      });
      const byTarget = await open(`etcd://shop:${IN_URI}@${server.endpoint}/shop/orders`);
      const byOptions = await open(`etcd://${server.endpoint}/shop/orders`, {
        username: 'shop',
        password: PASSWORD,
      });
      await ready(byTarget, 1);
      await ready(byOptions, 1);
      expect(byOptions.nodes()[0]?.key).toBe(provider.address);
      expect(provider.process.output).toContain('Registered orders');
      expect(provider.process.output).not.toContain(PASSWORD);
      expect(provider.process.output).not.toContain(IN_URI);
    });

    it('refuses a wrong password, which is shown nowhere', async () => {
      const told = await failure(await open(`etcd://shop:s3cret-guess@${server.endpoint}/shop/orders`));
      expect(told).toContain('authentication failed');
      expect(told).not.toContain('s3cret-guess');
      const refused = register(`etcd://shop:s3cret-guess@${server.endpoint}/shop/orders`);
      await expect(refused).rejects.toThrow(/^etcdserver: authentication failed/);
      await expect(refused).rejects.toBeInstanceOf(RegistrationRefusedError);
      await expect(refused).rejects.not.toThrow('s3cret-guess');
    });

    it('refuses what the user has no permission for', async () => {
      const user = { username: 'shop', password: PASSWORD };
      const leases = async (): Promise<number> => (await root.leaseClient.leaseLeases()).leases.length;
      const before = await leases();
      const client = await open(`etcd://${server.endpoint}/bank/accounts`, user);
      expect(await failure(client)).toContain('permission denied');
      const refused = register(`etcd://${server.endpoint}/bank/accounts`, user);
      await expect(refused).rejects.toThrow('permission denied');
      await expect(refused).rejects.toBeInstanceOf(RegistrationRefusedError);
      // The lease that was granted before the key was refused.
      expect(await leases()).toBe(before);
    });

    it('takes a registration once the user has the permission, of which one warning has told', async () => {
      const { process } = await fleet.start({
        server: 'balanced',
        register: `etcd://shop:${IN_URI}@${server.endpoint}/bank/accounts`,
      });
      await process.wrote('cannot be registered');
      // It is tried again after one second, and then after two.
      await sleep(1_500);
      await root.role('shop').grant({ permission: 'Readwrite', range: root.range({ prefix: 'bank/' }) });
      await process.wrote('Registered orders');
      expect(process.output.split('cannot be registered')).toHaveLength(2);
      expect(process.output).toContain(
        `orders cannot be registered in etcd://***@${server.endpoint}/bank/accounts: etcdserver: permission denied`,
      );
      expect(process.output).not.toContain(IN_URI);
    });
  });

  describe('role auth and TLS', () => {
    let proxy: EtcdProxy;
    beforeAll(async () => {
      [server] = (await EtcdServer.start(1, { tls: { ca: CERT, cert: CERT, key: KEY } })) as [EtcdServer];
      const setup = etcdClient([server], {
        hosts: `https://${server.endpoint}`,
        credentials: { rootCertificate: readFileSync(CERT) },
      });
      await setup.user('root').create(PASSWORD);
      await setup.user('root').addRole('root');
      await setup.auth.authEnable();
      setup.close();
      proxy = await EtcdProxy.to(server.port);
    });
    afterAll(async () => {
      proxy.close();
      await server.stop();
    });

    it('lets a user in, and is left without a connection, whether it did or not', async () => {
      const { port } = proxy;
      const by = (password: string): string =>
        `etcd://root:${password}@127.0.0.1:${port}/orders?ca=${encodeURIComponent(CERT)}`;
      const lease = await register(by(IN_URI));
      const first = (password: string): Promise<ResolverEmission> =>
        firstValueFrom(new EtcdResolver().watch(etcdTarget(by(password)), EMPTY));
      expect(await first(IN_URI)).toEqual([{ host: '127.0.0.1', port: 4_001 }]);
      expect(await first('wrong')).toEqual({ failure: expect.stringContaining('authentication failed') });
      await expect(register(by('wrong'))).rejects.toThrow('authentication failed');
      await lease.deregister();
      expect(proxy.accepted).toBeGreaterThanOrEqual(4);
      // gRPC looks every ten seconds which connections nobody needs any more.
      while (proxy.open > 0) await sleep(50);
    });
  });

  describe('TLS', () => {
    beforeAll(async () => {
      [server] = (await EtcdServer.start(1, { tls: { ca: CERT, cert: CERT, key: KEY, mutual: true } })) as [
        EtcdServer,
      ];
    });
    afterAll(() => server.stop());

    it('lets in who trusts it and shows a certificate, by the target or by the options', async () => {
      const query = new URLSearchParams({ ca: CERT, cert: CERT, key: KEY }).toString();
      const lease = await register(`etcd://${server.endpoint}/orders?${query}`);
      const pem = { ca: readFileSync(CERT), cert: readFileSync(CERT, 'utf8'), key: readFileSync(KEY) };
      const client = await open(`etcd://${server.endpoint}/orders`, pem);
      await firstValueFrom(client.events.pipe(filter(({ type }) => type === 'resolved')));
      expect(client.nodes().map(({ key }) => key)).toEqual(['127.0.0.1:4001']);
      await lease.deregister();
    });

    it('is not believed when its certificate is of no authority that is trusted', async () => {
      expect(await failure(await open(`etcd://${server.endpoint}/orders?tls=true`))).toContain(
        'self-signed certificate',
      );
    });

    it('refuses who shows no certificate, and who speaks plain text', async () => {
      expect(
        await failure(await open(`etcd://${server.endpoint}/orders`, { ca: readFileSync(CERT) })),
      ).toMatch(/certificate required|bad certificate|socket|ECONNRESET/i);
      expect(await failure(await open(`etcd://${server.endpoint}/orders`))).toMatch(
        /ECONNRESET|socket|closed|Failed to connect/i,
      );
    });
  });
});
