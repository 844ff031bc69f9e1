import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { ReadPacket, WritePacket } from '@nestjs/microservices';
import { ClientTCP, JsonSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { until } from '../testing/until.js';
import { CustomClassTransport } from './custom-class-transport.js';
import type { ReplyHandler } from './node-transport.js';
import type { TransportSettings } from './transport-settings.js';

/** What a user may override, each once. */
class Custom extends ClientTCP {
  static readonly made: Custom[] = [];

  constructor(options: ConstructorParameters<typeof ClientTCP>[0]) {
    super(options);
    Custom.made.push(this);
    this.logger.error = () => undefined;
  }

  get routed(): number {
    return this.routingMap.size;
  }

  protected override publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    return super.publish({ ...packet, data: { wrapped: packet.data } }, callback);
  }

  protected override serializeError(error: unknown): unknown {
    return new Error(`custom: ${String(error)}`);
  }

  protected override serializeResponse(response: unknown): unknown {
    return `custom: ${JSON.stringify(response)}`;
  }
}

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function serve(answer: (message: any, socket: JsonSocket) => void, options = {}) {
  const sockets = new Set<Socket>();
  const server = createServer(options, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const framed = new JsonSocket(socket);
    framed.on('message', (message: unknown) => answer(message, framed));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

function open(port: number, settings: Partial<TransportSettings> = {}) {
  const onClose = jest.fn<(cause: Error | undefined) => void>();
  const transport = new CustomClassTransport(
    {
      host: '127.0.0.1',
      port,
      connectTimeout: 1_000,
      keepAlive: false,
      tlsOptions: undefined,
      serializer: undefined,
      deserializer: undefined,
      socketClass: undefined,
      customClass: Custom,
      framing: {},
      socketListeners: [],
      ...settings,
    },
    { onClose },
  );
  cleanUps.push(() => transport.close());
  return { transport, onClose, client: Custom.made.at(-1)! };
}

async function connected(port: number, settings?: Partial<TransportSettings>) {
  const opened = open(port, settings);
  await opened.transport.connect();
  return opened;
}

function request(transport: CustomClassTransport, data: unknown) {
  const seen: unknown[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const reply: ReplyHandler = {
    next: (response, last) => {
      seen.push(response);
      if (last) end();
    },
    complete: () => {
      seen.push('complete');
      end();
    },
    error: (error) => {
      seen.push(error);
      end();
    },
    lost: (cause, sent) => {
      seen.push([sent ? 'lost' : 'refused', cause.message]);
      end();
    },
  };
  const handle = transport.request({ pattern: 'p', data }, reply);
  return { seen, ended, cancel: (): void => transport.forget(handle) };
}

describe('requests', () => {
  it('go through what the class overrides, both ways', async () => {
    const { port } = await serve(({ id, data }, socket) =>
      socket.sendMessage({ id, response: data, isDisposed: true }),
    );
    const { transport } = await connected(port);
    const { seen, ended } = request(transport, 1);
    await ended;
    expect(seen).toEqual(['custom: {"wrapped":1}']);
  });

  it('hand on errors as the class makes them', async () => {
    const { port } = await serve(({ id }, socket) => socket.sendMessage({ id, err: 'no', isDisposed: true }));
    const { transport } = await connected(port);
    const { seen, ended } = request(transport, 1);
    await ended;
    expect(seen).toEqual([new Error('custom: no')]);
  });

  it('may be answered by a stream', async () => {
    const { port } = await serve(({ id }, socket) => {
      socket.sendMessage({ id, response: 1 });
      socket.sendMessage({ id, response: 2 });
      socket.sendMessage({ id, isDisposed: true });
    });
    const { transport } = await connected(port);
    const { seen, ended } = request(transport, 1);
    await ended;
    expect(seen).toEqual(['custom: 1', 'custom: 2', 'complete']);
  });

  it('leave nothing behind in the client, answered or cancelled', async () => {
    const { port } = await serve(({ id, data }, socket) => {
      if (data.wrapped !== 'silence') socket.sendMessage({ id, response: 1, isDisposed: true });
    });
    const { transport, client } = await connected(port);
    const silence = request(transport, 'silence');
    const answered = request(transport, 1);
    expect(client.routed).toBe(2);
    await answered.ended;
    expect(client.routed).toBe(1);
    silence.cancel();
    expect(client.routed).toBe(0);
  });

  it('throw what the serializer throws', async () => {
    const { port } = await serve(() => undefined);
    const serialize = (): never => {
      throw new Error('cannot serialize');
    };
    const { transport, client } = await connected(port, { serializer: { serialize } });
    expect(() => request(transport, 1)).toThrow('cannot serialize');
    expect(client.routed).toBe(0);
    await expect(transport.event({ pattern: 'p', data: 1 })).rejects.toThrow('cannot serialize');
  });
});

it('hands over events', async () => {
  const received: unknown[] = [];
  const { port } = await serve((message) => received.push(message));
  const { transport } = await connected(port);
  await transport.event({ pattern: 'p', data: 1 });
  await until(() => received.length === 1);
  expect(received).toEqual([{ pattern: 'p', data: 1 }]);
});

describe('a connection that goes', () => {
  it('tells the channel before the requests, since they may be repeated at once', async () => {
    const received: unknown[] = [];
    const { port, sockets } = await serve((message) => received.push(message));
    const { transport, onClose } = await connected(port);
    const first = request(transport, 1);
    const order: string[] = [];
    onClose.mockImplementation(() => void order.push('channel'));
    void first.ended.then(() => order.push('request'));
    await until(() => received.length === 1);
    for (const socket of sockets) socket.resetAndDestroy();
    await first.ended;
    expect(order).toEqual(['channel', 'request']);
    expect(first.seen).toEqual([['lost', 'Connection closed']]);
    expect(onClose).toHaveBeenCalledTimes(1);

    const late = request(transport, 2);
    await late.ended;
    expect(late.seen).toEqual([['refused', 'the connection is closing']]);
    await expect(transport.event({ pattern: 'p', data: 1 })).rejects.toMatchObject({ sent: false });
  });

  it('ends with the FIN of the peer', async () => {
    const { port, sockets } = await serve(() => undefined);
    const { transport, onClose } = await connected(port);
    const closed = once(transport.unwrap(), 'close');
    await until(() => sockets.size === 1);
    for (const socket of sockets) socket.end();
    await closed;
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});

describe('connecting', () => {
  it('fails with the reason', async () => {
    const { port } = await serve(() => undefined);
    cleanUps.splice(0).forEach((cleanUp) => cleanUp());
    const { transport, onClose } = open(port);
    await expect(transport.connect()).rejects.toThrow('ECONNREFUSED');
    expect(onClose).not.toHaveBeenCalled();
  });

  it('that takes too long is given up, socket and all', async () => {
    const { port } = await serve(() => undefined);
    let made: Socket | undefined;
    class Slow extends Custom {
      override connect(): Promise<any> {
        void super.connect().catch(() => undefined);
        made = this.unwrap<Socket>();
        return new Promise(() => undefined);
      }
    }
    const { transport } = open(port, { customClass: Slow, connectTimeout: 30 });
    await expect(transport.connect()).rejects.toThrow('connect timed out after 30 ms');
    expect(made?.destroyed).toBe(true);
  });

  it('fails when the connection has gone before it is known to be there', async () => {
    const { port } = await serve(() => undefined);
    const { transport, onClose } = open(port);
    transport.on({ event: 'connect', listener: () => transport.unwrap().destroy() });
    await expect(transport.connect()).rejects.toThrow(/closed|Not initialized/);
    expect(onClose).not.toHaveBeenCalled();
  });
});

it('when closed, tells what waits, and does not wait for ever for its peer', async () => {
  const { port } = await serve(() => undefined, { allowHalfOpen: true });
  const { transport, onClose } = await connected(port, { connectTimeout: 100 });
  const socket = transport.unwrap();
  const waiting = request(transport, 1);
  transport.close();
  await waiting.ended;
  expect(waiting.seen).toEqual([['lost', 'Connection closed']]);
  expect(onClose).toHaveBeenCalledTimes(1);
  await once(socket, 'close');
});

it('attaches the listeners of the user', async () => {
  const { port } = await serve(() => undefined);
  const seen: string[] = [];
  const { transport } = await connected(port, {
    socketListeners: [{ event: 'connect', listener: () => seen.push('connect') }],
  });
  transport.on({ event: 'close', listener: () => seen.push('close') });
  const socket = transport.unwrap();
  socket.destroy();
  await once(socket, 'close');
  expect(seen).toEqual(['connect', 'close']);
});
