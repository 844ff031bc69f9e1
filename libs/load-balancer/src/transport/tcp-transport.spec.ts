import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { ReadPacket } from '@nestjs/microservices';
import { JsonSocket, TcpSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import { until } from '../testing/until.js';
import type { ReplyHandler } from './node-transport.js';
import { EventLostError } from './node-transport.js';
import type { ReplyTrailer } from './reply-trailer.js';
import { parseProbeAnswer } from './probe-protocol.js';
import { TcpTransport } from './tcp-transport.js';
import type { TransportSettings } from './transport-settings.js';

const TLS_FILES = new URL('../../../../test/fixtures/tls/', import.meta.url);
const pem = (name: string): string => readFileSync(new URL(name, TLS_FILES), 'utf8');

interface Message {
  id?: unknown;
  pattern: string;
  data: unknown;
}
type Answer = (message: Message, socket: JsonSocket) => void;

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A server that speaks Nest's frames and answers as it is told. */
async function listen(server: Server, answer: Answer): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  server.on(server instanceof tls.Server ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    const framed = new JsonSocket(socket);
    framed.on('message', (message: Message) => answer(message, framed));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const serve = (answer: Answer = echo) => listen(createServer(), answer);
const echo: Answer = ({ id, data }, socket) => socket.sendMessage({ id, response: data, isDisposed: true });
const silent: Answer = () => undefined;

function open(port: number, settings: Partial<TransportSettings> = {}) {
  const onClose = jest.fn<(cause: Error | undefined) => void>();
  const onTrailer = jest.fn<(trailer: ReplyTrailer) => void>();
  const transport = new TcpTransport(
    {
      host: '127.0.0.1',
      port,
      connectTimeout: 1_000,
      keepAlive: 10_000,
      tlsOptions: undefined,
      serializer: undefined,
      deserializer: undefined,
      socketClass: undefined,
      customClass: undefined,
      framing: {},
      socketListeners: [],
      ...settings,
    },
    { onClose, onTrailer },
  );
  cleanUps.push(() => transport.unwrap().destroy());
  return { transport, onClose, onTrailer };
}

async function connected(port: number, settings?: Partial<TransportSettings>) {
  const opened = open(port, settings);
  await opened.transport.connect();
  return opened;
}

/** Sends a request and collects what comes of it. */
function request(transport: TcpTransport, data: unknown, packet: Partial<ReadPacket> = {}) {
  const seen: unknown[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const reply: ReplyHandler = {
    next: (response, last) => {
      seen.push(response);
      if (last) end();
    },
    complete: () => end(),
    error: (error, trailer) => {
      seen.push(trailer ? ['error', error, trailer] : ['error', error]);
      end();
    },
    lost: (cause, sent) => {
      seen.push([sent ? 'lost' : 'refused', cause.message]);
      end();
    },
  };
  const handle = transport.request({ pattern: 'p', data, ...packet }, reply);
  return { seen, ended, cancel: (): void => transport.forget(handle, true) };
}

async function answerOf(transport: TcpTransport, data: unknown): Promise<unknown[]> {
  const { seen, ended } = request(transport, data);
  await ended;
  return seen;
}

describe('requests', () => {
  it('get each its own answer, in whatever order they come', async () => {
    const held: (() => void)[] = [];
    const { port } = await serve((message, socket) => {
      held.push(() => echo(message, socket));
      if (held.length === 3) for (const answer of held.reverse()) answer();
    });
    const { transport } = await connected(port);
    const answers = await Promise.all([1, 2, 3].map((data) => answerOf(transport, data)));
    expect(answers).toEqual([[1], [2], [3]]);
  });

  it('drop what comes after they were cancelled, and what comes twice', async () => {
    const { port } = await serve((message, socket) => {
      echo(message, socket);
      echo(message, socket);
    });
    const { transport } = await connected(port);
    const cancelled = request(transport, 'never mind');
    cancelled.cancel();
    const second = request(transport, 2);
    await second.ended;
    expect(await answerOf(transport, 3)).toEqual([3]);
    expect(cancelled.seen).toEqual([]);
    expect(second.seen).toEqual([2]);
  });

  it.each([2, '1x', { number: 1 }])('are lost when the peer makes up an id: %j', async (id) => {
    const { port } = await serve((_message, socket) =>
      socket.sendMessage({ id, response: 'for whom?', isDisposed: true }),
    );
    const { transport, onClose } = await connected(port);
    const reason = 'the node answered a request that it was never sent';
    expect(await answerOf(transport, 1)).toEqual([['lost', reason]]);
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('throw what their serializer throws, and leave nothing waiting', async () => {
    const { port } = await serve();
    const serializer = {
      serialize: (packet: ReadPacket) => {
        if (packet.data === 'bad') throw new Error('cannot serialize');
        return packet;
      },
    };
    const { transport, onClose } = await connected(port, { serializer });
    expect(() => request(transport, 'bad')).toThrow('cannot serialize');
    expect(() => request(transport, 1n)).toThrow('BigInt');
    expect(await answerOf(transport, 1)).toEqual([1]);
    expect(onClose).not.toHaveBeenCalled();
  });

  it('have string ids, as in Nest, where a serializer may insist on them', async () => {
    const ids: unknown[] = [];
    const { port } = await serve((message, socket) => {
      ids.push(message.id);
      echo(message, socket);
    });
    const { transport } = await connected(port, { serializer: { serialize: (packet: unknown) => packet } });
    expect(await answerOf(transport, 1)).toEqual([1]);
    expect(ids).toEqual([expect.any(String)]);
  });
});

describe('a server that the probe has found to be ours', () => {
  const ours = (...features: string[]) => parseProbeAnswer({ lb: 1, features })!;
  const lb = { load: { inFlight: 3 } };
  const withTrailer: Answer = ({ id, data }, socket) =>
    socket.sendMessage({ id, response: data, isDisposed: true, lb });

  it('has its trailers read, not before', async () => {
    const { port } = await serve(withTrailer);
    const { transport, onTrailer } = await connected(port);
    expect(await answerOf(transport, 1)).toEqual([expect.objectContaining({ response: 1, lb })]);
    expect(onTrailer).not.toHaveBeenCalled();
    transport.learned(ours('trailer'));
    expect(await answerOf(transport, 2)).toEqual([2]);
    expect(onTrailer.mock.calls).toEqual([[{ load: expect.objectContaining({ inFlight: 3 }) }]]);
  });

  it('may refuse, and say more, in a trailer; what makes no sense there is as good as none', async () => {
    const refusal = { refused: 'overloaded', retryAfter: 50 };
    const { port } = await serve(({ id, data }, socket) =>
      socket.sendMessage({ id, err: 'busy', isDisposed: true, lb: data }),
    );
    const { transport } = await connected(port);
    transport.learned(ours('trailer'));
    expect(await answerOf(transport, refusal)).toEqual([['error', 'busy', refusal]]);
    expect(await answerOf(transport, { refused: 7 })).toEqual([['error', 'busy']]);
  });

  it('tells of its drain without being asked', async () => {
    const { port } = await serve((message, socket) => {
      socket.sendMessage({ lb: { draining: true } });
      echo(message, socket);
    });
    const { transport, onTrailer } = await connected(port);
    transport.learned(ours('trailer'));
    expect(await answerOf(transport, 1)).toEqual([1]);
    expect(onTrailer.mock.calls).toEqual([[{ draining: true }]]);
  });

  it('is not taken at its word where a deserializer of the user reads the replies', async () => {
    const { port } = await serve(withTrailer);
    const deserializer = { deserialize: (message: unknown) => message };
    const { transport, onTrailer } = await connected(port, { deserializer: deserializer as any });
    expect(transport.readsTrailers).toBe(false);
    transport.learned(ours('trailer'));
    expect(await answerOf(transport, 1)).toEqual([1]);
    expect(onTrailer).not.toHaveBeenCalled();
  });

  it('is told what is cancelled, by its id; a stock server is told nothing, nor one that has timed out', async () => {
    const received: unknown[] = [];
    const { port } = await serve((message, socket) => {
      received.push([message.pattern, message.data, message.id]);
      if (message.data === 'last') echo(message, socket);
    });
    const { transport } = await connected(port);
    request(transport, 'stock').cancel();
    transport.learned(ours('cancel'));
    const never = {
      next: () => undefined,
      complete: () => undefined,
      error: () => undefined,
      lost: () => undefined,
    };
    transport.forget(transport.request({ pattern: 'p', data: 'too late' }, never), false);
    const cancelled = request(transport, 'cancelled');
    cancelled.cancel();
    cancelled.cancel();
    await answerOf(transport, 'last');
    const [, , [, , id]] = received as [unknown, unknown, unknown[]];
    expect(received).toEqual([
      ['p', 'stock', expect.anything()],
      ['p', 'too late', expect.anything()],
      ['p', 'cancelled', id],
      [{ 'nestjs-load-balancer': 'cancel' }, id, undefined],
      ['p', 'last', expect.anything()],
    ]);
  });

  it('is told nothing any more once a serializer of the user cannot say it', async () => {
    const received: unknown[] = [];
    const { port } = await serve((message, socket) => {
      received.push(message.data);
      if (message.data === 'last') echo(message, socket);
    });
    const serialize = jest.fn((packet: ReadPacket): unknown => {
      if (typeof packet.pattern === 'object') throw new Error('unknown pattern');
      return packet;
    });
    const { transport } = await connected(port, { serializer: { serialize } });
    transport.learned(ours('cancel'));
    request(transport, 1).cancel();
    request(transport, 2).cancel();
    expect(await answerOf(transport, 'last')).toEqual(['last']);
    expect(received).toEqual([1, 2, 'last']);
    expect(serialize).toHaveBeenCalledTimes(4);
  });
});

describe('a custom deserializer', () => {
  const later = (message: any) => sleep(30).then((): unknown => message);

  it('may be asynchronous; a reply that has come is an answer though the connection goes meanwhile', async () => {
    const { port } = await serve((message, socket) => {
      if (message.data === 'unanswered') return;
      echo(message, socket);
      socket.end();
    });
    const { transport, onClose } = await connected(port, { deserializer: { deserialize: later } });
    const unanswered = request(transport, 'unanswered');
    const answered = request(transport, 'answered');
    await Promise.all([unanswered.ended, answered.ended]);
    expect(onClose).toHaveBeenCalledTimes(1);
    expect(answered.seen).toEqual(['answered']);
    expect(unanswered.seen).toEqual([['lost', 'the node closed the connection']]);
  });

  it('that fails fails the request whose reply it was, and no other', async () => {
    const { port } = await serve();
    const failure = new Error('unreadable');
    const deserialize = (message: any): unknown => {
      if (message.response === 'bad') throw failure;
      return message;
    };
    const { transport, onClose } = await connected(port, { deserializer: { deserialize } as any });
    const [bad, good] = await Promise.all([answerOf(transport, 'bad'), answerOf(transport, 'good')]);
    expect(bad).toEqual([['error', failure]]);
    expect(good).toEqual(['good']);
    expect(onClose).not.toHaveBeenCalled();
  });

  it('that fails on what came too late harms nobody', async () => {
    const { port } = await serve();
    const deserialize = (message: any): unknown => {
      if (message.response === 'bad') throw new Error('unreadable');
      return message;
    };
    const { transport } = await connected(port, { deserializer: { deserialize } as any });
    request(transport, 'bad').cancel();
    expect(await answerOf(transport, 'good')).toEqual(['good']);
  });

  it('that fails on a reply to nobody knows whom ends the connection with its reason', async () => {
    const { port } = await serve((_message, socket) => socket.sendMessage({ correlation: 7 }));
    const deserialize = () => Promise.reject(new Error('unreadable'));
    const { transport, onClose } = await connected(port, { deserializer: { deserialize } });
    expect(await answerOf(transport, 1)).toEqual([['lost', 'unreadable']]);
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});

describe('a connection that goes', () => {
  it('tells the channel first, then each request once: lost when it was written, refused when it was not', async () => {
    const received: unknown[] = [];
    const { port, sockets } = await serve((message) => received.push(message));
    const order: string[] = [];
    const { transport, onClose } = await connected(port);
    onClose.mockImplementation(() => void order.push('channel'));
    const written = request(transport, 1);
    await until(() => received.length === 1);
    for (const socket of sockets) socket.resetAndDestroy();
    await written.ended;
    order.push('request');
    expect(order).toEqual(['channel', 'request']);
    expect(written.seen).toEqual([['lost', 'read ECONNRESET']]);
    expect(onClose).toHaveBeenCalledTimes(1);

    const tooLate = request(transport, 2);
    expect(tooLate.seen).toEqual([]);
    await tooLate.ended;
    expect(tooLate.seen).toEqual([['refused', 'read ECONNRESET']]);
  });

  it('refuses what was taken but never written, and writes it never', async () => {
    const received: unknown[] = [];
    const { port, sockets } = await serve(({ data }) => received.push(data));
    const { transport } = await connected(port);
    // The peer reads nothing, so that the socket soon holds back what it is given.
    await until(() => sockets.size === 1);
    for (const socket of sockets) socket.pause();
    const filler = 'x'.repeat(1_000_000);
    const requests = Array.from({ length: 40 }, () => request(transport, filler));
    await until(() => transport.unwrap().writableLength > 10_000_000);
    const held = request(transport, 'held back');
    const length = transport.unwrap().writableLength;
    await until(() => transport.unwrap().writableLength > length);
    transport.unwrap().destroy();
    await Promise.all([...requests.map(({ ended }) => ended), held.ended]);
    expect(requests[0]!.seen).toEqual([['lost', 'connection closed']]);
    expect(held.seen).toEqual([['refused', 'connection closed']]);
    for (const socket of sockets) socket.resume();
    await sleep(50);
    expect(received).not.toContain('held back');
  });

  it('is over with the FIN of the peer: nothing is sent into the void', async () => {
    const received: unknown[] = [];
    const { port, sockets } = await serve((message) => received.push(message));
    const { transport, onClose } = await connected(port);
    const waiting = request(transport, 1);
    await until(() => received.length === 1);
    // It goes on reading.
    for (const socket of sockets) socket.end();
    await waiting.ended;
    expect(waiting.seen).toEqual([['lost', 'the node closed the connection']]);
    expect(onClose).toHaveBeenCalledTimes(1);
    expect(transport.unwrap().destroyed).toBe(true);
  });

  it.each([
    ['a broken frame', 'abc#def', 'Corrupted length value "abc" supplied in a packet'],
    ['a frame that is too long', '9999#{}', 'The packet length (9999) exceeds the maximum allowed length'],
  ])('goes with %s', async (_what, bytes, reason) => {
    const { port } = await serve((_message, socket) => socket.netSocket.write(bytes));
    const { transport, onClose } = await connected(port, { framing: { maxBufferSize: 1_000 } });
    expect(await answerOf(transport, 1)).toEqual([['lost', reason]]);
    expect(onClose).toHaveBeenCalledTimes(1);
    expect(transport.unwrap().destroyed).toBe(true);
  });
});

describe('events', () => {
  it('are handed over when they were written', async () => {
    const received: unknown[] = [];
    const { port } = await serve(({ data }) => received.push(data));
    const { transport } = await connected(port);
    await transport.event({ pattern: 'p', data: 'e' });
    expect(transport.unwrap().bytesWritten).toBeGreaterThan(0);
    await until(() => received.length === 1);
    expect(received).toEqual(['e']);
  });

  it('that the connection no longer takes were certainly not sent', async () => {
    const { port } = await serve();
    const { transport } = await connected(port);
    transport.unwrap().destroy();
    await once(transport.unwrap(), 'close');
    const error = await transport.event({ pattern: 'p', data: 1 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EventLostError);
    expect(error).toMatchObject({ sent: false });
  });

  it('reject with what their serializer throws', async () => {
    const { port } = await serve();
    const serialize = (): never => {
      throw new Error('cannot serialize');
    };
    const { transport } = await connected(port, { serializer: { serialize } });
    await expect(transport.event({ pattern: 'p', data: 1 })).rejects.toThrow('cannot serialize');
  });
});

describe('connecting', () => {
  it('fails with the reason of the operating system', async () => {
    const { port } = await serve();
    cleanUps.splice(0).forEach((cleanUp) => cleanUp());
    const { transport, onClose } = open(port);
    await expect(transport.connect()).rejects.toThrow('ECONNREFUSED');
    expect(onClose).not.toHaveBeenCalled();
  });

  it('fails when it takes too long', async () => {
    // A TLS handshake that the server never joins.
    const { port } = await listen(createServer({ pauseOnConnect: true }), silent);
    const { transport } = open(port, { tlsOptions: {}, connectTimeout: 50 });
    await expect(transport.connect()).rejects.toThrow('connect timed out after 50 ms');
    expect(transport.unwrap().destroyed).toBe(true);
  });

  it('gives up at once when it is closed meanwhile', async () => {
    const { port } = await listen(createServer({ pauseOnConnect: true }), silent);
    const { transport, onClose } = open(port, { tlsOptions: {} });
    const connecting = transport.connect();
    transport.close();
    await expect(connecting).rejects.toThrow('connection closed');
    expect(transport.unwrap().destroyed).toBe(true);
    expect(onClose).not.toHaveBeenCalled();
  });

  it('leaves no socket behind when the socket class throws', async () => {
    const { port } = await serve();
    let made: Socket | undefined;
    class Broken extends TcpSocket {
      constructor(socket: Socket) {
        super(socket);
        made = socket;
        throw new Error('broken class');
      }
      protected handleSend = (): void => undefined;
      protected handleData = (): void => undefined;
    }
    expect(() => open(port, { socketClass: Broken as any, tlsOptions: {} })).toThrow('broken class');
    expect(made?.destroyed).toBe(true);
  });
});

describe('TLS', () => {
  const serveTls = () =>
    listen(tls.createServer({ key: pem('test-only.key.pem'), cert: pem('test-only.cert.pem') }), echo);

  it('carries requests to a server whose certificate is trusted', async () => {
    const { port } = await serveTls();
    const tlsOptions = { ca: pem('test-only.cert.pem'), checkServerIdentity: () => undefined };
    const { transport } = await connected(port, { tlsOptions });
    expect(await answerOf(transport, 'safe')).toEqual(['safe']);
  });

  it('refuses a server whose certificate is not', async () => {
    const { port } = await serveTls();
    const { transport } = open(port, { tlsOptions: {} });
    await expect(transport.connect()).rejects.toThrow(/self[- ]signed|unable to verify/);
  });
});

describe('closing', () => {
  it('writes what it was given, then ends', async () => {
    const received: unknown[] = [];
    const { port, sockets } = await serve(({ data }) => received.push(data));
    const { transport, onClose } = await connected(port);
    const waiting = request(transport, 'last words');
    transport.close();
    await waiting.ended;
    expect(waiting.seen).toEqual([['lost', 'closed by this client']]);
    expect(onClose).toHaveBeenCalledTimes(1);
    await once(transport.unwrap(), 'close');
    expect(received).toEqual(['last words']);
    await until(() => sockets.size === 0);
  });

  it('does not wait for ever for a peer that keeps its side open', async () => {
    const { port } = await listen(createServer({ allowHalfOpen: true }), silent);
    const { transport } = await connected(port, { connectTimeout: 50 });
    transport.close();
    await once(transport.unwrap(), 'close');
    expect(transport.unwrap().destroyed).toBe(true);
  });
});

describe('a socket class of the user', () => {
  class Counting extends JsonSocket {
    static readonly constructed: unknown[][] = [];
    constructor(...args: ConstructorParameters<typeof JsonSocket>) {
      super(...args);
      Counting.constructed.push(args);
    }
  }

  it('is used, with the socket alone as in ClientTCP, or with the guards that were set', async () => {
    const { port } = await serve();
    const { transport } = await connected(port, { socketClass: Counting });
    expect(await answerOf(transport, 1)).toEqual([1]);
    await transport.event({ pattern: 'p', data: 1 });
    await connected(port, { socketClass: Counting, framing: { maxBufferSize: 10 } });
    expect(Counting.constructed.map((args) => args.slice(1))).toEqual([[], [{ maxBufferSize: 10 }]]);
  });

  it('cannot tell what was written: what waits counts as lost', async () => {
    const { port } = await serve(silent);
    const { transport } = await connected(port, { socketClass: Counting });
    const waiting = request(transport, 1);
    transport.unwrap().destroy();
    await waiting.ended;
    expect(waiting.seen).toEqual([['lost', 'connection closed']]);
  });
});

it('attaches the listeners of the user to the socket', async () => {
  const { port } = await serve();
  const seen: string[] = [];
  const { transport } = await connected(port, {
    socketListeners: [{ event: 'connect', listener: () => seen.push('connect') }],
  });
  transport.on({ event: 'close', listener: () => seen.push('close') });
  transport.unwrap().destroy();
  await once(transport.unwrap(), 'close');
  expect(seen).toEqual(['connect', 'close']);
});
