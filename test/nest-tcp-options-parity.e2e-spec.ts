/**
 * What Nest's own TCP client does when it is given options, the balanced one does, as in nest-tcp-parity: serializers, classes, TLS,
 * limits; and how both take it when the server comes and goes.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ReadPacket } from '@nestjs/microservices';
import { ClientTCP, JsonSocket, RpcException } from '@nestjs/microservices';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { failure, loopTurned, record } from './support/calls.js';
import { nodeBecomes, ready } from './support/consumer.js';
import { freePort } from './support/ports.js';
import {
  balancedClient,
  both,
  closeAll,
  plainClient,
  plainClientOf,
  serve,
  stopServer,
} from './support/side-by-side.js';
import { served } from './support/test-controller.js';

describe('as with ClientTCP, given the same options', () => {
  afterEach(closeAll);

  it('custom serializers and deserializers make and read every message', async () => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
    const decode = (text: string): any => JSON.parse(Buffer.from(text, 'base64').toString());
    const port = await serve({
      deserializer: { deserialize: ({ packed }: { packed: string }) => decode(packed) },
      serializer: { serialize: (packet: unknown) => ({ packed: encode(packet) }) },
    });
    const options = {
      serializer: { serialize: (packet: unknown) => ({ packed: encode(packet) }) },
      // Asynchronous, as Nest allows it.
      deserializer: { deserialize: async ({ packed }: { packed: string }) => decode(packed) },
    };
    const clients = [plainClient(port, options), await balancedClient(port, { transport: options })] as const;

    expect(await both(clients, (client) => record(client.send({ cmd: 'streaming' }, [1, 2, 3])))).toEqual({
      values: [1, 2, 3],
      errors: [],
      completions: 1,
    });
    expect(await both(clients, (client) => failure(client.send('rpc exception with an object', {})))).toEqual(
      {
        code: 42,
        reason: 'sold out',
      },
    );
  });

  it('a serializer that throws fails its call, and no other', async () => {
    const serializer = {
      serialize(packet: ReadPacket) {
        if (packet.data === 'unspeakable') throw new RangeError('cannot be said');
        return packet;
      },
    };
    const port = await serve();
    const clients = [
      plainClient(port, { serializer }),
      await balancedClient(port, { transport: { serializer } }),
    ] as const;

    await both(clients, async (client) => ({
      error: await failure(client.send('echo', 'unspeakable')),
      emitted: await failure(client.emit('notification', 'unspeakable')),
      later: await firstValueFrom(client.send('echo', 'fine')),
    })).then((result) =>
      expect(result).toEqual({
        error: new RangeError('cannot be said'),
        emitted: new RangeError('cannot be said'),
        later: 'fine',
      }),
    );
  });

  it('a reply in a foreign envelope is the answer as a whole', async () => {
    const port = await serve({ serializer: { serialize: (packet: object) => ({ ...packet, extra: true }) } });
    const clients = [plainClient(port), await balancedClient(port)] as const;

    const told = await both(clients, async (client) => {
      const { values, completions } = await record(client.send('echo', 'x'));
      return { envelope: without('id', values[0]), count: values.length, completions };
    });

    expect(told).toEqual({
      envelope: { response: 'x', isDisposed: true, extra: true },
      count: 1,
      completions: 1,
    });
  });

  it('a customClass of ours has its say in errors, responses and packets', async () => {
    class OwnClient extends ClientTCP {
      protected override serializeError(error: unknown): RpcException {
        return new RpcException(error as object);
      }

      protected override serializeResponse(response: unknown): unknown {
        return { wrapped: response };
      }

      protected override publish(packet: ReadPacket, callback: (packet: any) => void): () => void {
        return super.publish({ ...packet, data: { own: packet.data } }, callback);
      }
    }
    const port = await serve();
    const plain = plainClientOf(OwnClient, port);
    const clients = [plain, await balancedClient(port, { transport: { customClass: OwnClient } })] as const;

    await both(clients, async (client) => ({
      answer: await firstValueFrom(client.send('echo', 1)),
      error: await failure(client.send('rpc exception with a text', {})),
    })).then(({ answer, error }) => {
      expect(answer).toEqual({ wrapped: { own: 1 } });
      expect(error).toBeInstanceOf(RpcException);
      expect((error as RpcException).getError()).toEqual({ status: 'error', message: 'sold out' });
    });
    clients[1].emit('notification', 'x');
    await expect(firstValueFrom(served.seen)).resolves.toMatchObject({ data: 'x' });
  });

  it('a socketClass of ours carries the messages', async () => {
    const sent: unknown[] = [];
    class ListeningSocket extends JsonSocket {
      override sendMessage(message: any): void {
        if (message.pattern === 'echo') sent.push(message.data);
        super.sendMessage(message);
      }
    }
    const port = await serve();
    const options = { socketClass: ListeningSocket };
    const clients = [plainClient(port, options), await balancedClient(port, { transport: options })] as const;

    expect(await both(clients, (client) => firstValueFrom(client.send('echo', 'x')))).toBe('x');

    expect(sent).toEqual(['x', 'x']);
  });

  describe('TLS', () => {
    const pem = (name: string): string =>
      readFileSync(fileURLToPath(new URL(`fixtures/tls/test-only.${name}.pem`, import.meta.url)), 'utf8');
    const [key, cert] = [pem('key'), pem('cert')];

    it('carries values, streams and errors', async () => {
      const port = await serve({ tlsOptions: { key, cert } });
      const clients = [
        plainClient(port, { tlsOptions: { ca: cert } }),
        await balancedClient(port, { tls: { ca: cert } }),
      ] as const;

      await both(clients, async (client) => ({
        sum: await firstValueFrom(client.send({ cmd: 'sum' }, [1, 2])),
        stream: await lastValueFrom(client.send({ cmd: 'streaming' }, [1, 2, 3]).pipe(toArray())),
        error: await failure(client.send('rpc exception with a text', {})),
      })).then((result) =>
        expect(result).toEqual({
          sum: 3,
          stream: [1, 2, 3],
          error: { status: 'error', message: 'sold out' },
        }),
      );
    });

    it('refuses a certificate that nobody vouches for, and says so', async () => {
      const port = await serve({ tlsOptions: { key, cert } });
      const client = await balancedClient(port, { tls: {} });

      expect((await failure(client.send('echo', 'secret'))) as Error).toMatchObject({
        code: 'NO_NODES',
        message: expect.stringContaining('self-signed certificate'),
      });
    });
  });

  it('12 000 frames in one write are 12 000 values', async () => {
    const server = await rawServer((socket, { id }) => {
      const values = Array.from({ length: 12_000 }, (_, n) => frame({ id, response: n }));
      socket.write(values.join('') + frame({ id, isDisposed: true }));
    });
    const { port } = server.address() as AddressInfo;
    const clients = [plainClient(port), await balancedClient(port, { healthCheck: false })] as const;

    const values = await both(clients, (client) => lastValueFrom(client.send('all', {}).pipe(toArray())));

    expect(values).toEqual(Array.from({ length: 12_000 }, (_, n) => n));
    await closeAll();
    server.close();
  });

  it('a message larger than maxBufferSize ends the connection, and the call with it', async () => {
    const port = await serve();
    const limits = { maxBufferSize: 1_000 };
    const clients = [plainClient(port, limits), await balancedClient(port, { transport: limits })] as const;

    for (const client of clients) {
      const error = await failure(client.send('echo', 'x'.repeat(2_000)));
      expect((error as Error).message).toMatch(/connection.*(closed|lost)/i);
    }
  });

  it('nothing that listens is an error, and no wait', async () => {
    const port = await freePort();
    const clients = [plainClient(port), await balancedClient(port, { timeout: 0 })] as const;

    for (const client of clients) {
      const error = await failure(client.send('echo', 'x'));
      expect((error as Error).message).toContain(`connect ECONNREFUSED 127.0.0.1:${port}`);
      await expect(client.connect()).rejects.toThrow(`connect ECONNREFUSED 127.0.0.1:${port}`);
    }
  });

  it('a server that was restarted is called again', async () => {
    const port = await serve();
    const plain = plainClient(port);
    const balanced = await balancedClient(port, { connection: { backoff: { initial: 20 } } });
    const clients = [plain, balanced] as const;
    expect(await both(clients, (client) => firstValueFrom(client.send('echo', 1)))).toBe(1);

    const lost = nodeBecomes(balanced, `127.0.0.1:${port}`, 'disconnected');
    await stopServer();
    await lost;
    await serve({ port });
    await ready(balanced, 1);

    expect(await both(clients, (client) => firstValueFrom(client.send('echo', 2)))).toBe(2);
  });

  it('status, on() and unwrap() tell of the connection, through close() and connect()', async () => {
    const port = await serve();
    await both([plainClient(port), await balancedClient(port)], async (client) => {
      // Only with the type of its transport does Nest know the names of the events.
      const events = client as Pick<ClientTCP, 'on'>;
      const statuses: unknown[] = [];
      client.status.subscribe((status) => statuses.push(status));
      await client.connect();
      const [socket] = [client.unwrap<Socket | Socket[]>()].flat() as [Socket];
      const closed = new Promise<void>((resolve) => events.on('close', resolve));
      const before = await firstValueFrom(client.send('echo', 1));
      await client.close();
      await Promise.race([closed, once(socket, 'close')]);
      await loopTurned();
      let unwrapped = 'a socket';
      try {
        client.unwrap();
      } catch (error) {
        unwrapped = (error as Error).message;
      }
      let connects = 0;
      events.on('connect', () => {
        connects++;
      });
      await client.connect();
      const after = await firstValueFrom(client.send('echo', 2));
      return { statuses, before, unwrapped, connects, after };
    }).then((result) =>
      expect(result).toMatchObject({
        statuses: ['connected', 'disconnected', 'connected'],
        before: 1,
        unwrapped: 'Not initialized. Please call the "connect" method first.',
        connects: 1,
        after: 2,
      }),
    );
  });
});

const frame = (message: unknown): string => {
  const json = JSON.stringify(message);
  return `${json.length}#${json}`;
};

/** A server that speaks Nest's protocol, and answers each request as it is told. */
async function rawServer(answer: (socket: Socket, packet: { id: unknown }) => void): Promise<Server> {
  const server = createServer((socket) => {
    new JsonSocket(socket).on('message', (packet: { id: unknown }) => answer(socket, packet));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The object without a key; an empty one for `null`. */
function without(key: string, object: unknown): object {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([name]) => name !== key));
}
