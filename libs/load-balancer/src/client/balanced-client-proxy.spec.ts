import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ClientProxy, JsonSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, lastValueFrom, of, tap } from 'rxjs';
import { RequestContext } from '../context/request-context.js';
import type { ServiceOptions } from '../module/options.js';
import { validateModuleOptions } from '../module/validation/validate-module-options.js';
import { until } from '../testing/until.js';
import { BalancedClientProxy } from './balanced-client-proxy.js';
import type { CallInterceptor, OutgoingCall } from './call-interceptor.js';

// That a service is down or up is told in the log: see availability-log.spec.ts.
Logger.overrideLogger(false);

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A provider that speaks Nest's frames: echoes the data of requests, keeps the packets. */
async function provide({ port = 0, answer = true } = {}) {
  const packets: any[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    const framed = new JsonSocket(socket);
    framed.on('message', (packet: any) => {
      packets.push(packet);
      if (packet.id !== undefined && answer)
        framed.sendMessage({ id: packet.id, response: packet.data, isDisposed: true });
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  cleanUps.push(stop);
  return { port: (server.address() as AddressInfo).port, packets, sockets, stop };
}

async function freePort(): Promise<number> {
  const { port, stop } = await provide();
  stop();
  return port;
}

function clientOf(ports: number[], options: Partial<ServiceOptions> = {}): BalancedClientProxy {
  const target = ports.map((port) => ({ host: '127.0.0.1', port }));
  const { services } = validateModuleOptions(
    { services: { orders: { healthCheck: false, panicThreshold: 0, ...options, target } } },
    { env: {}, declares: false },
  );
  const client = new BalancedClientProxy(services.get('orders')!);
  cleanUps.push(() => client.close());
  return client;
}

const failure = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );

describe('send()', () => {
  it('is that of a ClientProxy, with the answer of one node', async () => {
    const { port } = await provide();
    const client: ClientProxy = clientOf([port]);
    expect(client).toBeInstanceOf(ClientProxy);
    expect(await firstValueFrom(client.send({ cmd: 'quote' }, { n: 1 }))).toEqual({ n: 1 });
  });

  it('is cold: nothing is sent before somebody subscribes, and then for each who does', async () => {
    const { port, packets } = await provide();
    const client = clientOf([port]);
    const answer = client.send('quote', 1);
    await client.connect();
    await sleep(10);
    expect(packets).toHaveLength(0);
    await Promise.all([firstValueFrom(answer), firstValueFrom(answer)]);
    expect(packets.map(({ pattern, data }) => [pattern, data])).toEqual([
      ['quote', 1],
      ['quote', 1],
    ]);
  });

  it.each([
    ['pattern', undefined, 1],
    ['data', 'quote', null],
  ])('fails without a %s, as in Nest', async (_what, pattern, data) => {
    const client = clientOf([await freePort()]);
    for (const result of [
      client.send(pattern, data),
      client.emit(pattern, data),
      client.broadcast(pattern, data),
    ])
      expect((await failure(firstValueFrom(result))).constructor.name).toBe('InvalidMessageException');
  });

  it('refuses wrong options at once', async () => {
    const client = clientOf([await freePort()]);
    expect(() => client.send('quote', 1, { timeout: -1 })).toThrow('send(…).timeout: expected a number');
    expect(() => client.emit('quote', 1, { timeout: -1 })).toThrow('emit(…).timeout: expected a number');
    expect(() => client.broadcast('quote', 1, { timeout: -1 })).toThrow('broadcast(…).timeout: expected');
    expect(() => client.send('quote', 1, { strategy: 'randon' })).toThrow(
      'send(…).strategy: unknown strategy "randon"; did you mean "random"?',
    );
    expect(() => client.send('quote', 1, { timeout: -1, strategy: 'randon' })).toThrow(
      /^2 problems[^]*send\(…\)\.timeout: expected[^]*send\(…\)\.strategy: unknown/,
    );
    expect(() => client.send('quote', 1, null as never)).toThrow('send(…): expected an object with options');
    expect(() => client.explain(undefined)).toThrow('explain(…): expected a pattern, got undefined');
    expect(() => client.explain('quote', 1, { strategy: {} as never })).toThrow(
      'explain(…).strategy.name: expected',
    );
  });

  it('goes where explain() says that it will', async () => {
    const [first, second] = [await provide(), await provide()];
    const client = clientOf([first.port, second.port], { strategy: 'round-robin' });
    await client.connect();
    await until(() => client.nodes().every(({ status }) => status === 'ready'));
    const { choice } = client.explain({ cmd: 'quote' }, { n: 1 });
    await firstValueFrom(client.send({ cmd: 'quote' }, { n: 1 }));
    const asked = [first, second].find(({ packets }) => packets.length > 0);
    expect(choice).toBe(`127.0.0.1:${asked?.port}`);
  });

  it('captures the context when it is called, not when it is subscribed to', async () => {
    const { port, packets } = await provide();
    const client = clientOf([port]);
    const first = new RequestContext({ requestId: 'first', traceparent: undefined });
    const second = new RequestContext({ requestId: 'second' });
    const answer = RequestContext.run(first, () => client.send('quote', 1));
    await RequestContext.run(second, () => firstValueFrom(answer));
    expect(packets[0].metadata).toMatchObject({ 'x-request-id': 'first', 'lb-timeout': expect.any(String) });
  });
});

describe('emit()', () => {
  it('is hot: it goes out though nobody subscribes', async () => {
    const { port, packets } = await provide();
    const client = clientOf([port]);
    client.emit({ event: 'created' }, { id: 1 });
    await until(() => packets.length === 1);
    expect(packets).toEqual([
      { pattern: '{"event":"created"}', data: { id: 1 }, metadata: { 'lb-timeout': expect.any(String) } },
    ]);
  });

  it('is done when it is handed over, also for who subscribes later', async () => {
    const { port } = await provide();
    const client = clientOf([port]);
    const done = client.emit('created', 1);
    expect(await lastValueFrom(done)).toBeUndefined();
    expect(await lastValueFrom(done)).toBeUndefined();
  });

  it('that fails kills no process when nobody listens, and tells who listens later', async () => {
    const client = clientOf([await freePort()]);
    const done = client.emit('created', 1);
    await sleep(50);
    expect(await failure(lastValueFrom(done))).toMatchObject({ code: 'NO_NODES' });
  });
});

describe('the dispatch hook', () => {
  it('sees the packet as Nest shows it, and what it sets is sent', async () => {
    const { port, packets } = await provide();
    const client = clientOf([port]);
    const seen: unknown[] = [];
    client.setOnDispatchHook((packet) => {
      seen.push({ ...packet });
      packet.metadata = { 'x-tenant': 'hook', 'lb-timeout': '999999' };
    });
    await firstValueFrom(client.send('quote', 1, { metadata: { 'x-tenant': 'call', 'x-other': '1' } }));
    expect(seen).toEqual([{ pattern: 'quote', data: 1 }]);
    expect(packets[0].metadata).toMatchObject({ 'x-tenant': 'hook', 'x-other': '1' });
    // But for the deadline, which is the library's.
    expect(Number(packets[0].metadata['lb-timeout'])).toBeLessThanOrEqual(5_000);
  });

  it('that throws fails the call', async () => {
    const { port } = await provide();
    const client = clientOf([port]);
    client.setOnDispatchHook(() => {
      throw new Error('no tenant');
    });
    expect((await failure(firstValueFrom(client.send('quote', 1)))).message).toBe('no tenant');
    expect((await failure(firstValueFrom(client.emit('created', 1)))).message).toBe('no tenant');
    expect(await firstValueFrom(client.broadcast('created', 1))).toEqual({
      sent: [],
      failed: [{ node: `127.0.0.1:${port}`, reason: 'no tenant' }],
    });
    expect(client.nodes()[0]).toMatchObject({ inFlight: 0, failures: 0 });
  });
});

describe('interceptors', () => {
  it('see the context as metadata, and may change it and everything else', async () => {
    const { port, packets } = await provide();
    let seen: OutgoingCall | undefined;
    const interceptor: CallInterceptor = (call, next) => {
      seen = call;
      const metadata = { ...call.options.metadata, 'x-request-id': 'changed' };
      return next({ ...call, pattern: 'other', data: 2, options: { ...call.options, metadata } });
    };
    const client = clientOf([port], { interceptors: [interceptor] });
    const context = new RequestContext({ requestId: 'r1' });
    const options = { metadata: { 'x-tenant': 't1' }, timeout: 1_000 };
    const answer = RequestContext.run(context, () => client.send('quote', 1, options));
    expect(await firstValueFrom(answer)).toBe(2);
    expect(seen).toEqual({
      service: 'orders',
      pattern: 'quote',
      data: 1,
      options: { timeout: 1_000, metadata: { 'x-request-id': 'r1', 'x-tenant': 't1' } },
    });
    expect(packets[0]).toMatchObject({
      pattern: 'other',
      metadata: { 'x-request-id': 'changed', 'x-tenant': 't1', 'lb-timeout': expect.any(String) },
    });
  });

  it('run for each subscription, within the context of the call', async () => {
    const { port } = await provide();
    const ids: unknown[] = [];
    const interceptor: CallInterceptor = (call, next) => {
      ids.push(RequestContext.current()?.requestId);
      return next(call);
    };
    const client = clientOf([port], { interceptors: [interceptor] });
    const answer = RequestContext.run(new RequestContext({ requestId: 'r1' }), () => client.send('quote', 1));
    expect(ids).toEqual([]);
    await firstValueFrom(answer);
    await firstValueFrom(answer);
    expect(ids).toEqual(['r1', 'r1']);
  });

  it('may answer themselves, and look at what comes back', async () => {
    const { port, packets } = await provide();
    const seen: unknown[] = [];
    const interceptors: CallInterceptor[] = [
      (call, next) => next(call).pipe(tap((value) => seen.push(value))),
      (call, next) => (call.pattern === 'cached' ? of('from the cache') : next(call)),
    ];
    const client = clientOf([port], { interceptors });
    expect(await firstValueFrom(client.send('cached', 1))).toBe('from the cache');
    expect(await firstValueFrom(client.send('quote', 2))).toBe(2);
    expect(seen).toEqual(['from the cache', 2]);
    expect(packets).toHaveLength(1);
  });

  it('that throw, or hand on nonsense, fail the call through its Observable', async () => {
    const { port } = await provide();
    let interceptor: CallInterceptor = () => {
      throw new Error('a bug');
    };
    const client = clientOf([port], { interceptors: [(call, next) => interceptor(call, next)] });
    expect((await failure(firstValueFrom(client.send('quote', 1)))).message).toBe('a bug');
    expect((await failure(firstValueFrom(client.emit('created', 1)))).message).toBe('a bug');
    interceptor = (call, next) => next({ ...call, options: { ...call.options, timeout: 'soon' as any } });
    expect(await failure(firstValueFrom(client.send('quote', 1)))).toMatchObject({ code: 'INVALID_OPTIONS' });
    interceptor = () => undefined as any;
    expect(await failure(firstValueFrom(client.send('quote', 1)))).toBeInstanceOf(TypeError);
  });
});

describe('broadcast()', () => {
  it('hands an event to every ready node', async () => {
    const [a, b] = [await provide(), await provide()];
    const down = await freePort();
    const client = clientOf([a.port, b.port, down]);
    await client.connect();
    await until(() => client.nodes().filter(({ status }) => status === 'ready').length === 2);
    const report = await firstValueFrom(client.broadcast({ event: 'reload' }, { all: true }));
    expect([...report.sent].sort()).toEqual([a.port, b.port].map((port) => `127.0.0.1:${port}`).sort());
    expect(report.failed).toEqual([]);
    await until(() => a.packets.length + b.packets.length === 2);
    for (const { packets } of [a, b])
      expect(packets).toEqual([{ pattern: '{"event":"reload"}', data: { all: true } }]);
  });

  it('waits for the first node when none is ready yet, and fails when none can be', async () => {
    const { port } = await provide();
    expect((await firstValueFrom(clientOf([port]).broadcast('reload', 1))).sent).toHaveLength(1);
    const down = clientOf([await freePort()]);
    expect(await failure(firstValueFrom(down.broadcast('reload', 1)))).toMatchObject({ code: 'NO_NODES' });
    await down.close();
    expect(await failure(firstValueFrom(down.broadcast('reload', 1)))).toMatchObject({
      code: 'CLIENT_CLOSED',
    });
  });

  it('tells which node it could not be handed to', async () => {
    const { port } = await provide();
    const serialize = (): never => {
      throw new Error('cannot serialize');
    };
    const client = clientOf([port], { transport: { serializer: { serialize } } });
    expect(await firstValueFrom(client.broadcast('reload', 1))).toEqual({
      sent: [],
      failed: [{ node: `127.0.0.1:${port}`, reason: 'cannot serialize' }],
    });
  });

  it('waits no longer than its timeout for a node that does not read', async () => {
    const { port, sockets } = await provide();
    const client = clientOf([port]);
    await client.connect();
    await until(() => sockets.size === 1);
    for (const socket of sockets) socket.pause();
    const report = await firstValueFrom(client.broadcast('reload', 'x'.repeat(30_000_000), { timeout: 100 }));
    expect(report.failed).toEqual([{ node: `127.0.0.1:${port}`, reason: 'not handed over within 100 ms' }]);
    for (const socket of sockets) socket.destroy();
  });

  it('takes no options that would mean nothing', () => {
    const client = clientOf([1]);
    const options = { waitForReady: true } as object;
    expect(() => client.broadcast('reload', 1, options)).toThrow(
      'broadcast(…).waitForReady: is for send() and emit() only',
    );
  });
});

describe('connect() and close()', () => {
  it('resolve when a call can be sent, and when everything is closed', async () => {
    const { port, sockets } = await provide();
    const client = clientOf([await freePort(), port]);
    await client.connect();
    expect(client.nodes().some(({ status }) => status === 'ready')).toBe(true);
    await client.close();
    await until(() => sockets.size === 0);
    expect(await failure(firstValueFrom(client.send('quote', 1)))).toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  it('reject when no node can be reached', async () => {
    const port = await freePort();
    expect(await failure(clientOf([port]).connect())).toMatchObject({
      code: 'NO_NODES',
      message: expect.stringContaining(`127.0.0.1:${port} is disconnected (connect ECONNREFUSED`),
    });
  });

  it('open the client again after it was closed, even while it is still closing', async () => {
    const { port, packets } = await provide({ answer: false });
    const client = clientOf([port], { timeout: 300 });
    await client.connect();
    const held = failure(firstValueFrom(client.send('held', 1)));
    const closing = client.close();
    await client.connect();
    client.emit('created', 1);
    await closing;
    await until(() => packets.length === 2);
    expect(await held).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(packets.map(({ pattern }) => pattern)).toEqual(['held', 'created']);
    expect(await firstValueFrom(client.status)).toBe('connected');
    expect(client.nodes()[0]?.status).toBe('ready');
  });

  it('lets calls in flight finish', async () => {
    const { port, sockets, packets } = await provide({ answer: false });
    const client = clientOf([port]);
    const answer = firstValueFrom(client.send('quote', 1));
    await until(() => packets.length === 1);
    const closing = client.close();
    await sleep(30);
    for (const socket of sockets)
      new JsonSocket(socket).sendMessage({ id: packets[0].id, response: 7, isDisposed: true });
    expect(await answer).toBe(7);
    await closing;
  });
});

describe('what a ClientProxy has besides', () => {
  it('status tells whether there is a ready node', async () => {
    const provider = await provide();
    const client = clientOf([provider.port], { connection: { backoff: { initial: 20, max: 20 } } });
    const seen: string[] = [];
    client.status.subscribe((status) => seen.push(status));
    expect(seen).toEqual([]);
    await client.connect();
    provider.stop();
    await until(() => seen.length === 2);
    await provide({ port: provider.port });
    await until(() => seen.length === 3);
    await client.close();
    expect(seen).toEqual(['connected', 'disconnected', 'connected', 'disconnected']);
  });

  it('status says so when no node was ever reached', async () => {
    const client = clientOf([await freePort()]);
    await failure(client.connect());
    expect(await firstValueFrom(client.status)).toBe('disconnected');
  });

  it('on() listens to the sockets that connect now and those to come, until close()', async () => {
    const { port, sockets } = await provide();
    const client = clientOf([port]);
    const seen: string[] = [];
    const connecting = client.connect();
    client.on('connect', () => seen.push('connect'));
    await connecting;
    await until(() => sockets.size === 1);
    for (const socket of sockets) socket.destroy();
    await until(() => seen.length === 2);
    expect(seen).toEqual(['connect', 'connect']);
    await client.close();
    await client.connect();
    expect(seen).toHaveLength(2);
  });

  it('unwrap() gives the sockets', async () => {
    const [a, b] = [await provide(), await provide()];
    const client = clientOf([a.port, b.port]);
    expect(() => client.unwrap()).toThrow('Not initialized. Please call the "connect" method first.');
    await client.connect();
    await until(() => client.nodes().every(({ status }) => status === 'ready'));
    const ports = client.unwrap<Socket[]>().map(({ remotePort }) => remotePort);
    expect(ports.sort()).toEqual([a.port, b.port].sort());
  });

  it('events tell what happens inside', async () => {
    const { port } = await provide();
    const client = clientOf([port]);
    const types: string[] = [];
    client.events.subscribe(({ type }) => types.push(type));
    await client.connect();
    expect(types).toEqual(['node-added', 'node-status', 'resolved', 'node-status']);
  });
});
