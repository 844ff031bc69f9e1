import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BalancedClientProxy } from 'nestjs-load-balancer';
import { RequestContext } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { Child } from './support/child.js';
import { Consumers, ready } from './support/consumer.js';
import { freePort } from './support/ports.js';

/** What the handler of each service saw of the request context. */
interface Seen {
  readonly name: string;
  readonly inGuard: string | undefined;
  readonly requestId: string;
  readonly afterWaiting: string;
  readonly remaining: number | undefined;
  readonly tenant: string | undefined;
  readonly authorization: string | undefined;
}

interface Kind {
  readonly nest: 11 | 12;
  readonly server: 'stock' | 'balanced';
}

const NAMES = ['first', 'second', 'third'];
const RELAY = { cmd: 'relay' };

const stock12: Kind = { nest: 12, server: 'stock' };
const balanced12: Kind = { nest: 12, server: 'balanced' };
const balanced11: Kind = { nest: 11, server: 'balanced' };

describe.each<{ title: string; hops: readonly Kind[]; gateway: 11 | 12 }>([
  { title: 'stock servers of Nest 12', hops: [stock12, stock12, stock12], gateway: 12 },
  { title: 'balanced servers on Nest 11', hops: [balanced11, balanced11, balanced11], gateway: 11 },
  { title: 'all kinds in one chain', hops: [balanced12, balanced11, stock12], gateway: 11 },
])('three hops of $title', ({ hops, gateway }) => {
  const consumers = new Consumers();
  const children: Child[] = [];
  let ports: number[];
  let client: BalancedClientProxy;

  beforeAll(async () => {
    ports = [await freePort(), await freePort(), await freePort(), await freePort()];
    hops.forEach((kind, index) => {
      const place = {
        name: NAMES[index],
        port: ports[index],
        next: index < 2 ? ports[index + 1] : undefined,
      };
      // Only the first service trusts the one that it calls with the caller's credentials.
      children.push(new Child('hop.mjs', { ...kind, ...place, authorization: index === 0 }));
    });
    children.push(new Child('gateway.mjs', { nest: gateway, port: ports[3], next: ports[0] }));
    await Promise.all(children.map((child) => child.message('listening')));
    client = await open(true);
    // By then the services have found each other, too.
    await relay(client, undefined);
  });

  afterAll(async () => {
    await consumers.close();
    await Promise.all(children.map((child) => child.kill()));
  });

  async function open(authorization: boolean): Promise<BalancedClientProxy> {
    const opened = await consumers.open(
      { target: `static:///127.0.0.1:${ports[0]!}`, context: { authorization } },
      { context: { allow: ['x-tenant'] } },
    );
    await ready(opened, 1);
    return opened;
  }

  /** Calls the first service while a request is being served. */
  function relay(
    through: BalancedClientProxy,
    context: RequestContext | undefined,
    { meet, ...options }: { meet?: number; timeout?: number } = {},
  ): Promise<Seen[]> {
    const send = (): Promise<Seen[]> => firstValueFrom(through.send<Seen[]>(RELAY, { meet }, options));
    return context ? RequestContext.run(context, send) : send();
  }

  it("tell the first caller's request id, in guards, in handlers, after waiting and in the log", async () => {
    const seen = await relay(
      client,
      new RequestContext({ requestId: 'req-1', entries: [['x-tenant', 'acme']] }),
    );

    const requestId = 'req-1';
    const expected = { inGuard: requestId, requestId, afterWaiting: requestId, tenant: 'acme' };
    expect(seen).toMatchObject(NAMES.map((name) => ({ name, ...expected })));
    for (const [index, name] of NAMES.entries()) {
      await children[index]!.wrote(`[req-1] served by ${name}\n`);
    }
  });

  it('share a request id made up by the first of them, when the caller has none', async () => {
    const [first, second, third] = await relay(client, undefined);

    expect(first!.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect([second!.requestId, third!.requestId]).toEqual([first!.requestId, first!.requestId]);
  });

  it('never see the context of another request that is served at the same time', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `concurrent-${index}`);

    const all = await Promise.all(
      ids.map((requestId) => relay(client, new RequestContext({ requestId }), { meet: ids.length })),
    );

    for (const [index, seen] of all.entries()) {
      const requestId = ids[index];
      expect(seen.map(({ name }) => name)).toEqual(NAMES);
      for (const each of seen)
        expect(each).toMatchObject({ inGuard: requestId, requestId, afterWaiting: requestId });
    }
  });

  it('have less time left the further down they are', async () => {
    const deadline = performance.now() + 4_000;
    const seen = await relay(client, new RequestContext({ deadline }), { timeout: 60_000 });

    const [first, second, third] = seen.map(({ remaining }) => remaining as number) as [
      number,
      number,
      number,
    ];
    expect(first).toBeLessThanOrEqual(4_000);
    expect(second).toBeLessThan(first);
    expect(third).toBeLessThan(second);
    expect(third).toBeGreaterThan(0);
  });

  it('get the authorization only where the one before opted in', async () => {
    const context = new RequestContext({ authorization: 'Bearer secret' });

    const seen = await relay(client, context);
    const withoutOptIn = await relay(await open(false), context);

    expect(seen.map(({ authorization }) => authorization)).toEqual([
      'Bearer secret',
      'Bearer secret',
      undefined,
    ]);
    expect(withoutOptIn.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
    for (const { output } of children) expect(output).not.toContain('secret');
  });

  it('are reached through an HTTP gateway, whose request id they tell', async () => {
    const response = await fetch(`http://127.0.0.1:${ports[3]!}/relay`, {
      headers: { 'x-request-id': 'http-1' },
    });

    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toBe('http-1');
    expect(((await response.json()) as Seen[]).map(({ requestId }) => requestId)).toEqual([
      'http-1',
      'http-1',
      'http-1',
    ]);
  });

  it.each(['health', 'health/live', 'health/ready', 'terminus'])('are told of by its /%s', async (path) => {
    const response = await fetch(`http://127.0.0.1:${ports[3]!}/${path}`);

    expect(response.status).toBe(200);
    const body: unknown = await response.json();
    if (path === 'health') {
      expect(body).toMatchObject({
        status: 'up',
        services: { next: { ready: 1, nodes: [{ key: `127.0.0.1:${ports[0]!}`, status: 'ready' }] } },
      });
    }
    if (path === 'terminus') expect(body).toMatchObject({ details: { 'load-balancer': { status: 'up' } } });
  });
});

describe('a stock server of Nest 11', () => {
  it('serves, with a request id of its own, since it does not read what is sent beside a message', async () => {
    const consumers = new Consumers();
    const port = await freePort();
    const child = new Child('hop.mjs', { nest: 11, server: 'stock', name: 'only', port });
    try {
      await child.message('listening');
      const client = await consumers.open({ target: `static:///127.0.0.1:${port}` });

      const [seen] = await RequestContext.run(new RequestContext({ requestId: 'req-1' }), () =>
        firstValueFrom(client.send<Seen[]>(RELAY, {})),
      );

      expect(seen).toMatchObject({ name: 'only', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(seen!.afterWaiting).toBe(seen!.requestId);
      // Without the hook of Nest 12, guards run before there is a context.
      expect(seen!.inGuard).toBeUndefined();
    } finally {
      await consumers.close();
      await child.kill();
    }
  });
});
