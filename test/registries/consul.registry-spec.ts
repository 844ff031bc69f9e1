import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  RegistrationRefusedError,
  type BalancedClientProxy,
  type LoadBalancerEvent,
} from 'nestjs-load-balancer';
import { ConsulRegistrar, ConsulResolver } from 'nestjs-load-balancer/consul';
import { firstValueFrom } from 'rxjs';
import { inParallel, tally } from '../support/calls.js';
import { Consumers, nodeBecomes, nodesBecome, ready } from '../support/consumer.js';
import { Fleet, type Provider } from '../support/providers.js';
import { ConsulAgent } from './support/consul.js';
import { whyNoConsul } from './support/consul-package.js';

/** Tokens are UUIDs. */
const TOKEN = '5d2dd0b1-6a0c-4f9c-9f0e-2f3c1a7b8e11';
const WRONG_TOKEN = '00000000-6a0c-4f9c-9f0e-2f3c1a7b8e22';
/** Who registers need not listen. */
const NOBODY = { port: 4001 };
const WHO = { cmd: 'who' };

const who = (client: BalancedClientProxy): Promise<string> => firstValueFrom(client.send<string>(WHO, {}));

/** The providers that answer many calls, each with its share. */
const answers = async (client: BalancedClientProxy) => tally(await inParallel(60, 10, () => who(client)));

/** Resolves once this provider answers, with how many milliseconds that took. */
async function untilCalled(client: BalancedClientProxy, name: string): Promise<number> {
  const startedAt = performance.now();
  while ((await who(client)) !== name) await sleep(5);
  return performance.now() - startedAt;
}

const missing = whyNoConsul();
(missing === undefined ? describe : describe.skip)('Consul', () => {
  const fleet = new Fleet();
  const consumers = new Consumers();
  const cleanups: (() => Promise<unknown>)[] = [];
  let first: Provider;
  let second: Provider;
  let agent: ConsulAgent;
  let events: LoadBalancerEvent[];

  beforeAll(async () => {
    [first, second] = (await fleet.startAll([{}, {}])) as [Provider, Provider];
  });
  afterAll(() => fleet.stop());
  beforeEach(() => {
    events = [];
  });
  afterEach(async () => {
    await consumers.close();
    for (const cleanUp of cleanups.splice(0)) await cleanUp();
  });

  async function open(query = '', resolver?: ConsulResolver): Promise<BalancedClientProxy> {
    const client = await consumers.open(
      { target: `consul://${agent.address}/orders${query}`, strategy: 'round-robin' },
      resolver ? { resolvers: [resolver] } : {},
    );
    client.events.subscribe((event) => events.push(event));
    return client;
  }

  /** Tells the agent of a provider, as any language would. */
  async function register(provider: Provider, definition: object = {}): Promise<void> {
    const service = { Name: 'orders', ID: provider.name, Address: '127.0.0.1', Port: provider.port };
    await agent.api('PUT', '/agent/service/register', { ...service, ...definition });
    cleanups.push(() => agent.api('PUT', `/agent/service/deregister/${provider.name}`));
  }

  const failures = () => events.filter(({ type }) => type === 'resolve-failed');

  describe('an agent that lets everybody do everything', () => {
    beforeAll(async () => {
      agent = await ConsulAgent.start();
    });
    afterAll(() => agent.stop());

    it('has a node called within a second after it is registered, and no more after it is not', async () => {
      await register(first);
      const client = await open();
      await ready(client, 1);

      await register(second);
      expect(await untilCalled(client, 'node-2')).toBeLessThan(1_000);

      await agent.api('PUT', '/agent/service/deregister/node-1');
      await nodesBecome(client, 'one node', (nodes) => nodes.length === 1);
      expect(await answers(client)).toEqual({ 'node-2': 60 });
      expect(failures()).toEqual([]);
    });

    it('gives weight, zone, priority, labels and tags, and calls in proportion to the weights', async () => {
      const Meta = { zone: 'eu-1a', version: '1.4' };
      await register(first, { Weights: { Passing: 3, Warning: 1 }, Tags: ['v2', 'canary'], Meta });
      await register(second);
      const client = await consumers.open({
        target: `consul://${agent.address}/orders?near=_agent`,
        strategy: 'weighted-round-robin',
      });
      await ready(client, 2);

      expect(client.nodes().find(({ key }) => key === first.address)?.endpoint).toMatchObject({
        weight: 3,
        zone: 'eu-1a',
        priority: 0,
        metadata: { version: '1.4', tags: 'v2,canary' },
      });
      expect(await answers(client)).toEqual({ 'node-1': 45, 'node-2': 15 });
    });

    it('shows only instances that have all the tags', async () => {
      await register(first, { Tags: ['v1', 'eu'] });
      await register(second, { Tags: ['v2', 'eu'] });
      const client = await open('?tag=v2,eu');
      await ready(client, 1);
      expect(await answers(client)).toEqual({ 'node-2': 60 });
    });

    it('drains a node in maintenance, and has it called again afterwards', async () => {
      await register(first);
      await register(second);
      const client = await open();
      await ready(client, 2);

      await agent.api('PUT', '/agent/service/maintenance/node-1?enable=true');
      await nodeBecomes(client, first.address, 'draining');
      expect(await answers(client)).toEqual({ 'node-2': 60 });

      await agent.api('PUT', '/agent/service/maintenance/node-1?enable=false');
      expect(await untilCalled(client, 'node-1')).toBeLessThan(1_000);
    });

    it('leaves out a node whose check warns, unless it is wanted', async () => {
      const Check = { TTL: '1h', Status: 'passing' };
      await register(first, { Check });
      await register(second, { Check });
      const [strict, lenient] = [await open(), await open('?warning=true')];
      await Promise.all([ready(strict, 2), ready(lenient, 2)]);

      await agent.api('PUT', '/agent/check/warn/service:node-1');
      await nodesBecome(strict, 'one node', (nodes) => nodes.length === 1);
      expect(await answers(strict)).toEqual({ 'node-2': 60 });
      expect(Object.keys(await answers(lenient)).sort()).toEqual(['node-1', 'node-2']);
    });

    it('forgets a node of which it does not hear within its TTL', async () => {
      await register(first, { Check: { TTL: '1s', Status: 'passing' } });
      await register(second);
      const client = await open();
      await nodesBecome(client, 'both nodes', (nodes) => nodes.length === 2);
      await nodesBecome(client, 'one node', (nodes) => nodes.length === 1);
      expect(await answers(client)).toEqual({ 'node-2': 60 });
    });

    it('leaves the last good set in place when nothing is left, and says so once', async () => {
      await register(first);
      const client = await open();
      await ready(client, 1);

      await agent.api('PUT', '/agent/service/deregister/node-1');
      await nodesBecome(client, 'a failure', () => failures().length > 0);
      expect(await answers(client)).toEqual({ 'node-1': 60 });
      expect(failures()).toMatchObject([
        {
          target: `consul://${agent.address}/orders`,
          reason:
            'Consul shows no instance of "orders"; without a token that may read it, it shows none either',
        },
      ]);
    });
  });

  describe('an agent that denies everything to those it does not know', () => {
    beforeAll(async () => {
      agent = await ConsulAgent.start({ token: TOKEN });
    });
    afterAll(() => agent.stop());

    it('answers who has a token, from the options or from the target, which is shown nowhere', async () => {
      await register(first);
      const [byOptions, byTarget] = [
        await open('', new ConsulResolver({ token: TOKEN })),
        await open(`?token=${TOKEN}`),
      ];
      await Promise.all([ready(byOptions, 1), ready(byTarget, 1)]);
      expect(await answers(byOptions)).toEqual({ 'node-1': 60 });
      expect(await answers(byTarget)).toEqual({ 'node-1': 60 });
      expect(JSON.stringify([events, byOptions.nodes(), byTarget.nodes()])).not.toContain(TOKEN);
    });

    it('refuses a token that it does not know, of which one failure tells', async () => {
      const client = await open(`?token=${WRONG_TOKEN}`);
      await nodesBecome(client, 'a failure', () => failures().length > 0);
      await sleep(1_000);
      expect(failures()).toMatchObject([
        { reason: 'HTTP 403: ACL not found (the token must exist and allow this)' },
      ]);
      expect(JSON.stringify(events)).not.toContain(WRONG_TOKEN);
    });

    it('refuses to register who has no token', async () => {
      const refused = registrarOf(NOBODY).register();
      await expect(refused).rejects.toThrow(/^HTTP 403: Permission denied/);
      await expect(refused).rejects.toBeInstanceOf(RegistrationRefusedError);
      const lease = await registrarOf(NOBODY, '', new ConsulRegistrar({ token: TOKEN })).register();
      await lease.deregister();
    });
  });

  describe('a provider that registers', () => {
    beforeAll(async () => {
      agent = await ConsulAgent.start();
    });
    afterAll(() => agent.stop());

    it('publishes all that it says of itself, until it deregisters', async () => {
      const lost: string[] = [];
      const { register } = registrarOf(NOBODY, '?tag=v2,eu', undefined, lost);
      const lease = await register({
        weight: 0.5,
        zone: 'eu-1a',
        priority: 2,
        version: '1.4',
        metadata: { capabilities: 'cancel-drain' },
      });
      const client = await open('?tag=v2');
      await nodesBecome(client, 'a node', (nodes) => nodes.length === 1);
      expect(client.nodes()[0]?.endpoint).toEqual({
        host: '127.0.0.1',
        port: NOBODY.port,
        weight: 0.5,
        zone: 'eu-1a',
        priority: 2,
        draining: false,
        metadata: { version: '1.4', capabilities: 'cancel-drain', tags: 'v2,eu' },
      });

      await lease.deregister();
      expect(await agent.api('GET', '/health/service/orders')).toEqual([]);
      // What keeps it alive has ended, so that it is not missed.
      await sleep(500);
      expect(lost).toEqual([]);
      // To deregister what is gone is no failure.
      await lease.deregister();
    });

    it('stays registered for longer than its TTL', async () => {
      const lost: string[] = [];
      // Long enough that a machine which is busy for a second or two does not matter.
      const lease = await registrarOf(NOBODY, '?ttl=4000', undefined, lost).register();
      await sleep(5_000);
      expect(await agent.api('GET', '/health/service/orders?passing')).toHaveLength(1);
      expect(lost).toEqual([]);
      await lease.deregister();
    });

    it.each(['ttl', 'tcp'])('learns once that the agent has forgotten it: %s check', async (check) => {
      const lost: string[] = [];
      const lease = await registrarOf(NOBODY, `?check=${check}&ttl=1000`, undefined, lost).register();
      await agent.api('PUT', `/agent/service/deregister/orders-127.0.0.1-${NOBODY.port}`);
      while (lost.length === 0) await sleep(20);
      // Longer than from one beat to the next.
      await sleep(500);
      expect(lost).toEqual(['the agent does not know it any more']);
      await lease.deregister();
    });

    it('with a TCP check is called no more once nobody listens, though it has said nothing', async () => {
      const victim = await fleet.start({ name: 'victim' });
      const leases = [
        await registrarOf(victim, '?check=tcp').register(),
        await registrarOf(second, '?check=tcp').register(),
      ];
      const client = await open();
      await ready(client, 2);
      await victim.process.kill();
      await nodesBecome(client, 'one node', (nodes) => nodes.length === 1);
      expect(await answers(client)).toEqual({ 'node-2': 60 });
      for (const lease of leases) await lease.deregister();
    });

    it('learns why the agent refuses it', async () => {
      const { register } = registrarOf(NOBODY);
      await expect(register({ metadata: { 'a.b': 'c' } })).rejects.toThrow(
        "HTTP 400: Invalid Service Meta: Couldn't load metadata pair ('a.b', 'c'): Key contains invalid characters",
      );
    });

    it('gives up when it is told to', async () => {
      const giveUp = AbortSignal.abort();
      await expect(registrarOf(NOBODY).register({}, giveUp)).rejects.toThrow();
      await sleep(200);
      expect(await agent.api('GET', '/health/service/orders')).toEqual([]);
    });

    it('learns once that there is no agent, before and after it has registered', async () => {
      const lost: string[] = [];
      const registrar = registrarOf(NOBODY, '?ttl=1000', undefined, lost);
      await registrar.register();
      await agent.kill();
      const away = registrar.register();
      await expect(away).rejects.toThrow(`connect ECONNREFUSED ${agent.address}`);
      await expect(away).rejects.not.toBeInstanceOf(RegistrationRefusedError);
      while (lost.length === 0) await sleep(20);
      await sleep(500);
      expect(lost).toEqual([`connect ECONNREFUSED ${agent.address}`]);
      await agent.restart();
    });
  });

  /** What registers a provider with the agent of the test. */
  function registrarOf(
    { port }: { readonly port: number },
    query = '',
    registrar = new ConsulRegistrar(),
    lost: string[] = [],
  ) {
    const uri = `consul://${agent.address}/orders${query}`;
    const params = Object.fromEntries(new URLSearchParams(query));
    const target = { uri, scheme: 'consul', authority: agent.address, path: 'orders', params };
    const registration = { service: 'orders', host: '127.0.0.1', port };
    return {
      register: (labels: object = {}, signal = new AbortController().signal) =>
        registrar.register({ ...registration, ...labels }, target, (reason) => lost.push(reason), signal),
    };
  }
});
