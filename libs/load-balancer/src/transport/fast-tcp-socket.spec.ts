import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { JsonSocket, type TcpSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import * as net from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { FastTcpSocket, type FastTcpSocketOptions } from './fast-tcp-socket.js';

type SocketClass = new (socket: net.Socket, options?: FastTcpSocketOptions) => TcpSocket;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  jest.restoreAllMocks();
});

async function listen(
  onConnection: (socket: net.Socket) => void,
  options: net.ServerOpts = {},
): Promise<number> {
  const server = net.createServer(options, (socket) => {
    cleanUps.push(() => socket.destroy());
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  cleanUps.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

/** A bare connection: what it sends and reads is the test's affair. */
async function connectRaw(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  cleanUps.push(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function connect<C extends SocketClass>(socketClass: C, port: number, options?: FastTcpSocketOptions) {
  const socket = new net.Socket();
  cleanUps.push(() => socket.destroy());
  const framed = new socketClass(socket, options) as InstanceType<C>;
  framed.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return framed;
}

function collect(socket: TcpSocket): any[] {
  const messages: any[] = [];
  socket.on('message', (message: unknown) => messages.push(message));
  return messages;
}

function errorsOf(socket: TcpSocket): unknown[] {
  const errors: unknown[] = [];
  socket.on('error', (error: unknown) => errors.push(error));
  return errors;
}

async function until(holds: () => boolean, what: string, timeout = 10_000): Promise<void> {
  const end = performance.now() + timeout;
  while (!holds()) {
    await delay(2);
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
  }
}

function echo(socketClass: SocketClass, options?: FastTcpSocketOptions) {
  return listen((socket) => {
    const framed = new socketClass(socket, options);
    framed.on('message', (message: any) => framed.sendMessage(message));
  });
}

function frame(message: unknown): string {
  const json = JSON.stringify(message);
  return `${json.length}#${json}`;
}

describe('FastTcpSocket', () => {
  const pairings: { from: string; to: string; clientClass: SocketClass; serverClass: SocketClass }[] = [
    { from: 'FastTcpSocket', to: 'FastTcpSocket', clientClass: FastTcpSocket, serverClass: FastTcpSocket },
    { from: 'FastTcpSocket', to: "Nest's JsonSocket", clientClass: FastTcpSocket, serverClass: JsonSocket },
    { from: "Nest's JsonSocket", to: 'FastTcpSocket', clientClass: JsonSocket, serverClass: FastTcpSocket },
  ];
  describe.each(pairings)('from $from to $to', ({ clientClass, serverClass }) => {
    it('carries messages both ways, in order and unchanged', async () => {
      const client = await connect(clientClass, await echo(serverClass));
      const got = collect(client);
      const sent = [
        { id: 1, text: 'plain' },
        { text: 'é € 😀 \ud83d \0 # "', ключ: ['', null, 1.5e300, true, { deep: [[[]]] }] },
        'a string',
        [],
        { large: 'é'.repeat(500_000) },
        ...Array.from({ length: 3000 }, (_, id) => ({ id })),
      ];
      for (const message of sent) client.sendMessage(message);

      await until(() => got.length === sent.length, 'all echoes');
      expect(got).toEqual(sent);
    });

    it('gives listeners an object for a message that is null, 0, false or empty', async () => {
      const client = await connect(clientClass, await echo(serverClass));
      const got = collect(client);
      for (const message of [null, 0, false, '']) client.sendMessage(message);
      await until(() => got.length === 4, 'all echoes');
      expect(got).toEqual([{}, {}, {}, {}]);
    });
  });

  it('reads what arrives one byte at a time', async () => {
    let server: TcpSocket | undefined;
    const port = await listen((socket) => (server = new FastTcpSocket(socket)));
    const raw = await connectRaw(port);
    await until(() => server !== undefined, 'the connection');
    const got = collect(server!);
    raw.setNoDelay(true);
    for (const byte of Buffer.from(frame({ a: '😀' }) + frame('é'))) {
      raw.write(Buffer.of(byte));
      await nextTurn();
    }
    await until(() => got.length === 2, 'both messages');
    expect(got).toEqual([{ a: '😀' }, 'é']);
  });

  it('tells when what it hands out was read, also of messages whose turn comes later', async () => {
    const seen: { readAt: number; now: number }[] = [];
    const port = await listen((socket) => {
      const framed = new FastTcpSocket(socket);
      framed.on('message', () => {
        seen.push({ readAt: framed.readAt, now: performance.now() });
        const end = performance.now() + 15;
        while (performance.now() < end);
      });
    });
    const client = await connect(FastTcpSocket, port);
    client.sendMessage(1);
    client.sendMessage(2);
    while (seen.length < 2) await delay(1);
    expect(seen[1]!.readAt).toBe(seen[0]!.readAt);
    expect(seen[0]!.now - seen[0]!.readAt).toBeLessThan(10);
    expect(seen[1]!.now - seen[1]!.readAt).toBeGreaterThanOrEqual(15);
    expect(client.readAt).toBe(0);
  });

  describe('writes', () => {
    it('what one tick sends together, and at once what reaches 64 KB', async () => {
      const client = await connect(FastTcpSocket, await echo(FastTcpSocket));
      const got = collect(client);
      const write = jest.spyOn(client.netSocket, 'write');

      for (let i = 0; i < 100; i++) client.sendMessage(i + 1);
      expect(write).not.toHaveBeenCalled();
      await until(() => got.length === 100, 'the echoes');
      expect(write).toHaveBeenCalledTimes(1);

      client.sendMessage('x'.repeat(40_000));
      expect(write).toHaveBeenCalledTimes(1);
      client.sendMessage('x'.repeat(40_000));
      expect(write).toHaveBeenCalledTimes(2);
    });

    it('and calls each callback once it is written', async () => {
      const client = await connect(FastTcpSocket, await echo(FastTcpSocket));
      const called: unknown[] = [];
      client.sendMessage('a', (error) => called.push(['a', error ?? 'written']));
      client.sendMessage('b');
      client.sendMessage('c', (error) => called.push(['c', error ?? 'written']));
      expect(called).toEqual([]);
      await until(() => called.length === 2, 'the callbacks');
      await delay(20);
      expect(called).toEqual([
        ['a', 'written'],
        ['c', 'written'],
      ]);
    });

    it('everything that was sent before end()', async () => {
      const received: unknown[] = [];
      let ended = false;
      const port = await listen((socket) => {
        new FastTcpSocket(socket).on('message', (message: unknown) => received.push(message));
        socket.on('end', () => (ended = true));
      });
      const client = await connect(FastTcpSocket, port);
      const sent = Array.from({ length: 5000 }, (_, i) => ({ i, text: 'x'.repeat(200) }));
      for (const message of sent) client.sendMessage(message);
      client.end();

      await until(() => ended, 'the end');
      expect(received).toEqual(sent);
    });

    it('what was sent before it was connected', async () => {
      const received: unknown[] = [];
      const port = await listen((socket) =>
        new FastTcpSocket(socket).on('message', (message: unknown) => received.push(message)),
      );
      const client = new FastTcpSocket(new net.Socket());
      cleanUps.push(() => client.netSocket.destroy());
      client.connect(port, '127.0.0.1');
      client.sendMessage('early');
      await until(() => received.length === 1, 'the message');
      expect(received).toEqual(['early']);
    });

    it('nothing, and throws, when a message cannot be serialized', async () => {
      const client = await connect(FastTcpSocket, await echo(FastTcpSocket));
      const got = collect(client);
      client.sendMessage('before');
      expect(() => client.sendMessage({ big: 1n })).toThrow(TypeError);
      expect(() => client.sendMessage(undefined)).toThrow(TypeError);
      client.sendMessage('after');
      await until(() => got.length === 2, 'both echoes');
      expect(got).toEqual(['before', 'after']);
      expect(client.queuedCount).toBe(2);
    });
  });

  describe('tells what was certainly never written', () => {
    it('none of what was flushed', async () => {
      const client = await connect(FastTcpSocket, await echo(FastTcpSocket));
      const got = collect(client);
      client.sendMessage('a');
      client.sendMessage('b');
      expect([client.queuedCount, client.flushedCount]).toEqual([2, 0]);
      await until(() => got.length === 2, 'the echoes');
      expect([client.queuedCount, client.flushedCount]).toEqual([2, 2]);
    });

    it('what was sent in the tick in which the connection went', async () => {
      const received: unknown[] = [];
      const port = await listen((socket) =>
        new FastTcpSocket(socket).on('message', (message: unknown) => received.push(message)),
      );
      const client = await connect(FastTcpSocket, port);
      client.sendMessage('a');
      await until(() => received.length === 1, 'the first message');
      const called: unknown[] = [];
      client.sendMessage('b', (error) => called.push(error));
      client.netSocket.destroy();
      await once(client.netSocket, 'close');

      expect([client.queuedCount, client.flushedCount]).toEqual([2, 1]);
      await delay(30);
      expect(received).toEqual(['a']);
      expect(called).toEqual([
        expect.objectContaining({ name: 'NetSocketClosedException', message: 'The net socket is closed.' }),
      ]);

      client.sendMessage('c', (error) => called.push(error));
      expect(client.queuedCount).toBe(2);
      expect(called[1]).toMatchObject({ message: 'The net socket is closed.' });
    });

    it('what waited behind a peer that did not read', async () => {
      let peer: net.Socket | undefined;
      const port = await listen((socket) => (peer = socket.pause()));
      const client = await connect(FastTcpSocket, port);
      const chunk = 'x'.repeat(1_000_000);
      for (let i = 0; i < 40; i++) {
        client.sendMessage(chunk);
        await nextTurn();
      }
      const { flushedCount } = client;
      expect(flushedCount).toBeGreaterThan(0);
      expect(flushedCount).toBeLessThan(40);
      let bytes = 0;
      peer!.on('data', (data) => (bytes += data.length)).resume();
      client.netSocket.destroy();
      await once(peer!, 'close');
      expect(client.flushedCount).toBe(flushedCount);
      expect(bytes).toBeLessThanOrEqual(flushedCount * frame(chunk).length);
    });

    it('what was sent while the connection was being refused', async () => {
      const port = await listen(() => undefined);
      for (const cleanUp of cleanUps.splice(0)) cleanUp();
      const client = new FastTcpSocket(new net.Socket());
      client.connect(port, '127.0.0.1');
      client.sendMessage('a');
      const [error] = await once(client.netSocket, 'error').catch((thrown: unknown) => [thrown]);
      expect(error).toMatchObject({ code: 'ECONNREFUSED' });
      expect([client.queuedCount, client.flushedCount]).toEqual([1, 0]);
    });

    it('what is sent after the peer has closed, without an error', async () => {
      const port = await listen((socket) => socket.end());
      const client = await connect(FastTcpSocket, port);
      const errors = errorsOf(client);
      const called: unknown[] = [];
      client.once('end', () => client.sendMessage('late', (error) => called.push(error)));
      client.netSocket.resume();
      await once(client.netSocket, 'close');
      expect([client.queuedCount, client.flushedCount]).toEqual([1, 0]);
      expect(called).toEqual([expect.objectContaining({ message: 'The net socket is closed.' })]);
      expect(errors).toEqual([]);
    });

    it('but not what went out before a corrupt frame came in', async () => {
      const received: unknown[] = [];
      const port = await listen((socket) => {
        new FastTcpSocket(socket).on('message', (message: unknown) => received.push(message));
        socket.write('garbage');
      });
      const client = await connect(FastTcpSocket, port);
      const flushedAtError = new Promise((resolve) => client.on('error', () => resolve(client.flushedCount)));
      const emit = client.netSocket.emit.bind(client.netSocket);
      // Sent in the same tick, just before the bad frame is read.
      jest.spyOn(client.netSocket, 'emit').mockImplementation((event: string | symbol, ...args: any[]) => {
        if (event === 'data') client.sendMessage('a');
        return emit(event as string, ...args);
      });
      expect(await flushedAtError).toBe(client.queuedCount);
      await until(() => received.length === 1, 'the message');
    });
  });

  describe('ends that connection, with an error event that has the message of Nest', () => {
    it.each([
      ['a corrupt length', 'hello#', 'Corrupted length value "hello" supplied in a packet'],
      ['a negative length', '-5#hello', 'Corrupted length value "-5" supplied in a packet'],
      ['too long a message', '1001#', 'The packet length (1001) exceeds the maximum allowed length'],
    ])('on %s', async (_what, received, message) => {
      let errors: unknown[] = [];
      const port = await listen((socket) => {
        const framed = new FastTcpSocket(socket, { maxBufferSize: 1000 });
        framed.on('message', (echoed: unknown) => framed.sendMessage(echoed));
        errors = errorsOf(framed);
      });
      const other = await connect(FastTcpSocket, port);
      const raw = await connectRaw(port);
      const answer: Buffer[] = [];
      raw.on('data', (data) => answer.push(data));
      raw.write(frame('before') + received + frame('after'));
      await once(raw, 'close');

      expect(errors).toEqual([message]);
      expect(Buffer.concat(answer).toString()).toBe(frame('before'));
      const got = collect(other);
      other.sendMessage('still here');
      await until(() => got.length === 1, 'the answer to the other connection');
    });

    it('on what is not JSON', async () => {
      let errors: unknown[] = [];
      const raw = await connectRaw(await listen((socket) => (errors = errorsOf(new FastTcpSocket(socket)))));
      raw.resume().write('5#{oops');
      await once(raw, 'close');
      expect(errors).toEqual([expect.stringMatching(/^Could not parse JSON: .*\nRequest data: \{oops$/s)]);
    });

    it('when a listener throws', async () => {
      let errors: unknown[] = [];
      const port = await listen((socket) => {
        const framed = new FastTcpSocket(socket);
        errors = errorsOf(framed);
        framed.on('message', () => {
          throw new Error('from a listener');
        });
      });
      const raw = await connectRaw(port);
      raw.resume().write(frame('a') + frame('b'));
      await once(raw, 'close');
      expect(errors).toEqual(['from a listener']);
    });

    it('even if the peer does not answer the FIN and goes on sending', async () => {
      let server: net.Socket | undefined;
      const port = await listen((socket) => {
        server = socket;
        errorsOf(new FastTcpSocket(socket, { incompleteMessageTimeout: 100 }));
      });
      const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      cleanUps.push(() => raw.destroy());
      raw.on('error', () => undefined).resume();
      await once(raw, 'connect');
      const sending = setInterval(() => raw.write('garbage'), 10);
      cleanUps.push(() => clearInterval(sending));
      await until(() => server?.destroyed === true, 'the connection to be cut');
    });
  });

  describe('cuts off a peer', () => {
    it.each([
      ['half a message', '10#"abc', 4],
      ['half a length', '10', 2],
      ['nothing but the length', '10#', 0],
    ])('that sends %s and stops', async (_what, received, buffered) => {
      let errors: unknown[] = [];
      const port = await listen(
        (socket) => (errors = errorsOf(new FastTcpSocket(socket, { incompleteMessageTimeout: 60 }))),
      );
      const raw = await connectRaw(port);
      raw.resume().write(received);
      await once(raw, 'close');
      expect(errors).toEqual([
        `The remote peer stopped sending in the middle of a packet (${buffered} character(s) buffered) and did not send anything for 60ms`,
      ]);
    });

    it('but not one that is slow and goes on, nor one that is idle between messages', async () => {
      let server: TcpSocket | undefined;
      const port = await listen(
        (socket) => (server = new FastTcpSocket(socket, { incompleteMessageTimeout: 150 })),
      );
      const raw = await connectRaw(port);
      await until(() => server !== undefined, 'the connection');
      const got = collect(server!);
      const errors = errorsOf(server!);
      for (const byte of frame('abcdef')) {
        raw.write(byte);
        await delay(40);
      }
      await delay(300);
      expect(got).toEqual(['abcdef']);
      expect(errors).toEqual([]);
      expect(server!.netSocket.destroyed).toBe(false);
    });

    it('that asks and never reads, at maxSendBufferSize, and stops reading from it long before', async () => {
      const limit = 4_000_000;
      let server: net.Socket | undefined;
      let errors: unknown[] = [];
      let asked = 0;
      const port = await listen((socket) => {
        server = socket;
        const framed = new FastTcpSocket(socket, { maxSendBufferSize: limit });
        errors = errorsOf(framed);
        const answer = 'x'.repeat(100_000);
        framed.on('message', () => {
          asked++;
          framed.sendMessage(answer);
        });
      });
      const raw = (await connectRaw(port)).pause();
      for (let i = 0; i < 200_000; i++) raw.write(frame({ i }));
      await until(() => server?.isPaused() === true, 'reads to be paused');
      const askedWhenPaused = asked;
      await delay(100);
      expect(asked).toBe(askedWhenPaused);
      expect(server!.writableLength).toBeLessThan(limit);
      expect(errors).toEqual([]);

      // Answers to what it asked before still come, and are more than may be held.
      const framed = server!.listeners('message').length;
      expect(framed).toBe(1);
      for (let i = 0; i < 50; i++) server!.emit('message', {});
      await until(() => server!.destroyed, 'the connection to be cut');
      expect(errors).toEqual([
        expect.stringMatching(
          /^The remote peer is not reading its responses: \d+ byte\(s\) are queued for it, which exceeds the maximum allowed 4000000$/,
        ),
      ]);
    });

    it('that never reads requests either', async () => {
      const port = await listen((socket) => socket.pause());
      const client = await connect(FastTcpSocket, port, { maxSendBufferSize: 3_000_000 });
      const errors = errorsOf(client);
      const called: unknown[] = [];
      let held = 0;
      for (let i = 0; i < 100; i++) {
        client.sendMessage('x'.repeat(500_000), (error) => error && called.push(error));
        held = Math.max(held, client.netSocket.writableLength);
        await nextTurn();
      }
      expect(errors).toEqual([expect.stringContaining('The remote peer is not reading its responses')]);
      expect(held).toBeLessThan(3_600_000);
      expect(client.netSocket.destroyed).toBe(true);
      expect(called.length).toBeGreaterThan(80);
    });
  });

  describe('under back-pressure', () => {
    it('resumes where it paused once the peer reads, and loses nothing', async () => {
      let server: net.Socket | undefined;
      const port = await listen((socket) => {
        server = socket;
        const framed = new FastTcpSocket(socket);
        framed.on('message', ({ id }: any) => framed.sendMessage({ id, text: 'x'.repeat(50_000) }));
      });
      const raw = (await connectRaw(port)).pause();
      const count = 2000;
      for (let id = 0; id < count; id++) raw.write(frame({ id }));
      await until(() => server?.isPaused() === true, 'reads to be paused');

      const reader = new FastTcpSocket(raw);
      const got = collect(reader);
      raw.resume();
      await until(() => got.length === count, 'all answers', 20_000);
      expect(got.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, id) => id));
    });

    it('does not wait for ever when both directions are full', async () => {
      const client = await connect(FastTcpSocket, await echo(FastTcpSocket));
      const got = collect(client);
      const data = 'x'.repeat(1024 * 1024);
      for (let id = 0; id < 64; id++) client.sendMessage({ id, data });
      await until(() => got.length === 64, 'all echoes', 20_000);
      expect(got.map(({ id }) => id)).toEqual(Array.from({ length: 64 }, (_, id) => id));
    });
  });

  it('makes one timer for a connection, however many chunks it reads', async () => {
    let server: TcpSocket | undefined;
    const port = await listen((socket) => (server = new FastTcpSocket(socket)));
    const raw = await connectRaw(port);
    await until(() => server !== undefined, 'the connection');
    const got = collect(server!);
    const created = jest.spyOn(globalThis, 'setTimeout');
    const text = 'x'.repeat(1_000_000);
    for (let i = 0; i < 10; i++) raw.write(frame(text));
    while (got.length < 10) await nextTurn();
    expect(created.mock.calls.filter(([, ms]) => ms === 30_000)).toHaveLength(1);
  });

  it('does not let replies of different ticks wait for the acknowledgement of one another', async () => {
    const noDelay = jest.spyOn(net.Socket.prototype, 'setNoDelay');
    const accepted: net.Socket[] = [];
    const port = await listen((socket) => accepted.push(new FastTcpSocket(socket).netSocket));
    await connectRaw(port);
    await until(() => accepted.length > 0, 'the connection');
    expect(noDelay.mock.contexts).toEqual(accepted);
    expect(noDelay).toHaveBeenCalledWith(true);
  });

  it('takes guards where Nest creates the socket', async () => {
    let errors: unknown[] = [];
    const socketClass = FastTcpSocket.with({ maxBufferSize: 10 });
    const raw = await connectRaw(await listen((socket) => (errors = errorsOf(new socketClass(socket)))));
    raw.resume().write('11#');
    await once(raw, 'close');
    expect(errors).toEqual(['The packet length (11) exceeds the maximum allowed length']);
  });
});
