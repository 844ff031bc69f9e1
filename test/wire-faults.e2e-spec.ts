/**
 * Peers that do not keep to Nest's TCP protocol, or not to the manners it takes for granted: each costs its own connection at
 * most.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { JsonSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { BalancedClientProxy, BalancedTcpServerOptions, ServiceOptions } from 'nestjs-load-balancer';
import { BalancedTcpServer, ConnectionLostError } from 'nestjs-load-balancer';
import { firstValueFrom } from 'rxjs';
import { loopTurned, record } from './support/calls.js';
import { Consumers, ready } from './support/consumer.js';
import { freePort } from './support/ports.js';
import type { RawRequest } from './support/raw-node.js';
import { answer, RawNode } from './support/raw-node.js';
import { closeAll, plainClient } from './support/side-by-side.js';
import { TestModule } from './support/test-controller.js';

const consumers = new Consumers();
const nodes: RawNode[] = [];
const servers: INestMicroservice[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) node.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await consumers.close();
  await closeAll();
  for (const server of servers.splice(0)) await server.close();
});

describe('a node that sends what is no frame', () => {
  it.each<[string, string | Buffer]>([
    ['an HTTP answer', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['a TLS alert', Buffer.from([0x15, 3, 3, 0, 2, 2, 40])],
    ['nothing but zeros', Buffer.alloc(1_000)],
    ['bytes that are not UTF-8', Buffer.alloc(1_000, 0xff)],
    ['a negative length', '-5#{"id":1}'],
    ['a length beyond all bounds', '999999999999#{'],
    ['a length that is too long by one', '3#{}4#true'],
    ['what is not JSON', '5#hello'],
    ['JSON nested without end', `100000#${'['.repeat(100_000)}`],
  ])('loses its own calls, and no others: %s', async (_what, garbage) => {
    const good = await keep(RawNode.serving((request, framed) => answer(framed, request, 'good')));
    const bad = await keep(
      RawNode.listen((socket) => socket.once('data', () => void socket.write(garbage)).resume()),
    );
    const client = await open([good, bad]);

    const calls = await callBoth(client, 20);

    expect(calls.answers).toEqual(Array.from({ length: 10 }, () => 'good'));
    expectLost(calls.errors, 10, bad);
    expect(client.nodes()).toMatchObject([
      { key: good.address, status: 'ready', calls: 10, failures: 0, inFlight: 0 },
      { key: bad.address, calls: 10, failures: 10, inFlight: 0 },
    ]);
    expect(await firstValueFrom(client.send('any', {}))).toBe('good');
    expect(good.accepted).toBe(1);
  });

  it.each([
    ['null', 'null'],
    ['a number', '1'],
    ['a list', '[1]'],
    ['an object without an id', '{"response":"of nobody","isDisposed":true}'],
    ['an id that was never given', '{"id":4711,"response":"of nobody","isDisposed":true}'],
    ['an id that is no scalar', '{"id":{"__proto__":1},"err":"of nobody"}'],
    ['an id that every object has', '{"id":"__proto__","response":"of nobody","isDisposed":true}'],
  ])('but JSON that answers nothing is passed over: %s', async (_what, json) => {
    const node = await keep(
      RawNode.serving((request, framed) => {
        framed.netSocket.write(`${json.length}#${json}`);
        answer(framed, request, request.data);
      }),
    );
    const client = await open([node]);

    const told = await Promise.all([1, 2, 3].map((n) => record(client.send('any', n))));

    expect(told).toEqual([1, 2, 3].map((n) => ({ values: [n], errors: [], completions: 1 })));
    expect(node.accepted).toBe(1);
  });
});

describe('a peer that stops in the middle of a frame', () => {
  it('is cut off by the client, and loses its own calls only', async () => {
    const good = await keep(RawNode.serving((request, framed) => answer(framed, request, 'good')));
    const bad = await keep(
      RawNode.listen((socket) => socket.once('data', () => void socket.write('40#{"id":1,"resp')).resume()),
    );
    const client = await open([good, bad], { transport: { incompleteMessageTimeout: 100 } });

    const calls = await callBoth(client, 20);

    expect(calls.answers).toHaveLength(10);
    expectLost(calls.errors, 10, bad);
    expect(String(calls.errors[0])).toContain('stopped sending in the middle of a packet');
    expect(good.accepted).toBe(1);
  });

  it('is cut off by the server, which goes on with the others', async () => {
    const { port } = await serve({ incompleteMessageTimeout: 100 });
    const other = plainClient(port);
    const stalled = await connected(port);

    stalled.write('40#{"pattern":"ec');
    await once(stalled.resume(), 'close');

    expect(await firstValueFrom(other.send('echo', 'still there'))).toBe('still there');
  });
});

describe('a peer that never reads', () => {
  const LARGE = 'x'.repeat(100_000);

  it('makes the client hold no more than it may, then loses its calls', async () => {
    const limit = 1_000_000;
    const good = await keep(RawNode.serving((request, framed) => answer(framed, request, 'good')));
    // Without a listener of data, nothing is read.
    const bad = await keep(RawNode.listen(() => undefined));
    const client = await open([good, bad], { transport: { maxSendBufferSize: limit } });
    await ready(client, 2);

    const calls: ReturnType<typeof record>[] = [];
    let held = 0;
    // 20 MB for each of them: more than the buffers of the system take.
    for (let i = 0; i < 400; i++) {
      calls.push(record(client.send('any', LARGE)));
      await loopTurned();
      held = Math.max(held, ...client.unwrap<Socket[]>().map((socket) => socket.writableLength));
    }
    const cutOff = bad.accepted - 1;
    bad.close();
    const told = await Promise.all(calls);

    expect(held).toBeGreaterThan(limit / 2);
    expect(held).toBeLessThan(limit + 2 * LARGE.length);
    expect(cutOff).toBeGreaterThan(0);
    const errors = told.flatMap((each) => each.errors);
    expectLost(errors, errors.length, bad);
    expect(String(errors[0])).toContain('not reading');
    expect(told.flatMap(({ values }) => values)).toHaveLength(400 - errors.length);
    expect(good.accepted).toBe(1);
  });

  it('is asked for no more by the server, which goes on with the others, until it reads', async () => {
    const { port, accepted } = await serve();
    const other = plainClient(port);
    const request = JSON.stringify({ id: 'x', pattern: 'echo', data: LARGE });
    const reluctant = await connected(port);
    const [mine] = accepted;

    // 60 MB: far more than the buffers of the system take, in either direction.
    for (let i = 0; i < 600; i++) reluctant.write(`${request.length}#${request}`);
    let left: number;
    do {
      left = reluctant.writableLength;
      await delay(100);
    } while (reluctant.writableLength < left);

    expect(left).toBeGreaterThan(20_000_000);
    expect(mine!.writableLength).toBeLessThan(1_000_000);
    expect(await firstValueFrom(other.send('echo', 'still there'))).toBe('still there');

    let answers = 0;
    const framed = new JsonSocket(reluctant);
    await new Promise<void>((resolve) => {
      framed.on('message', () => {
        if (++answers === 600) resolve();
      });
    });
  });
});

describe('a call that nobody waits for any more', () => {
  it('is let go of at once, with all that it was given', async () => {
    const node = await keep(RawNode.listen((socket) => socket.resume()));
    const client = await open([node], { timeout: 60_000 });
    await ready(client, 1);

    const waiting = call(client, 10, false);
    const given = call(client, 1_000, true);
    expect(client.nodes()).toMatchObject([{ calls: 1_010, inFlight: 10, failures: 0 }]);
    await loopTurned();
    collectGarbage();

    // Those that still wait show that it can be seen at all.
    expect(alive(waiting)).toBe(10);
    // One may be held by the code that the engine has just compiled.
    expect(alive(given)).toBeLessThan(10);
  });

  /** Calls, given up again or not; only the garbage collector knows what is held of their data. */
  function call(client: BalancedClientProxy, count: number, giveUp: boolean): WeakRef<object>[] {
    return Array.from({ length: count }, (_, index) => {
      const data = { index };
      const subscription = client.send('any', data).subscribe({ error: () => undefined });
      if (giveUp) subscription.unsubscribe();
      return new WeakRef(data);
    });
  }

  const alive = (refs: readonly WeakRef<object>[]): number =>
    refs.filter((ref) => ref.deref() !== undefined).length;
});

describe('closing with 10 000 calls in flight', () => {
  it('settles each exactly once, those that are answered meanwhile with their answer', async () => {
    const requests: RawRequest[] = [];
    let framed: JsonSocket | undefined;
    const node = await keep(
      RawNode.serving((request, socket) => {
        requests.push(request);
        framed = socket;
      }),
    );
    const patience = 300;
    const { app, client } = await consumers.openApp({
      target: `static:///${node.address}`,
      healthCheck: false,
      timeout: patience,
    });
    const calls = Array.from({ length: 10_000 }, (_, index) =>
      record(client.send('any', index, { timeout: 0 })),
    );
    while (requests.length < calls.length) await loopTurned();

    const closing = app.close();
    const half = requests.filter((_, index) => index % 2 === 0);
    for (const request of half) answer(framed!, request, request.data);
    for (const request of half) answer(framed!, request, 'once more');
    await closing;
    for (const request of requests) answer(framed!, request, 'too late');
    const told = await Promise.all(calls);

    expect(told.filter(({ errors, completions }) => errors.length + completions !== 1)).toEqual([]);
    expect(told.flatMap(({ values }) => values)).toEqual(half.map(({ data }) => data));
    const errors = told.flatMap((each) => each.errors);
    expectLost(errors, 5_000, node);
    expect(client.nodes()).toMatchObject([{ inFlight: 0, calls: 10_000, failures: 5_000 }]);
  });
});

/** Has the node closed with its test. */
async function keep(listening: Promise<RawNode>): Promise<RawNode> {
  const node = await listening;
  nodes.push(node);
  return node;
}

/** A client of these nodes. Without probes, so that a bad one is called at all. */
function open(
  members: readonly RawNode[],
  options: Partial<ServiceOptions> = {},
): Promise<BalancedClientProxy> {
  const target = `static:///${members.map(({ address }) => address).join(',')}`;
  return consumers.open({ target, strategy: 'round-robin', healthCheck: false, timeout: 10_000, ...options });
}

/** This many calls at once, in turn to both nodes. */
async function callBoth(client: BalancedClientProxy, count: number) {
  await ready(client, 2);
  const told = await Promise.all(Array.from({ length: count }, () => record(client.send('any', {}))));
  return {
    answers: told.flatMap(({ values }) => values),
    errors: told.flatMap(({ errors }) => errors),
  };
}

/** All were lost, on this node. */
function expectLost(errors: readonly unknown[], count: number, { address }: RawNode): void {
  expect(errors).toHaveLength(count);
  for (const error of errors) {
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect((error as ConnectionLostError).attempts.at(-1)).toMatchObject({ node: address, outcome: 'lost' });
  }
}

/** One of our servers, and the connections it has accepted. */
async function serve(options: BalancedTcpServerOptions = {}): Promise<{ port: number; accepted: Socket[] }> {
  const port = await freePort();
  const strategy = new BalancedTcpServer({ host: '127.0.0.1', port, ...options });
  const accepted: Socket[] = [];
  strategy.unwrap<Server>().on('connection', (socket) => accepted.push(socket));
  const server = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
    strategy,
    logger: false,
  });
  await server.listen();
  servers.push(server);
  return { port, accepted };
}

/** A connection that has been accepted. */
async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  await loopTurned();
  return socket;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
