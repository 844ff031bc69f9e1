import { afterEach, describe, expect, it } from '@jest/globals';
import { ClientTCP, JsonSocket } from '@nestjs/microservices';
import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { until } from '../testing/until.js';
import type { BalancedTcpServerOptions } from './balanced-tcp-server-options.js';
import { CLIENT_CERT, SERVER_CERT, SERVER_KEY } from './tls.spec.fixture.js';
import { closeAll, hold, startServer, WireClient } from './wire.spec.fixture.js';

afterEach(closeAll);

async function draining(options: BalancedTcpServerOptions = {}) {
  const { promise, release } = hold();
  const runs = { count: 0, noted: 0 };
  const started = await startServer(
    {
      slow: () => {
        runs.count++;
        return promise;
      },
      fast: () => {
        runs.count++;
        return 'done';
      },
      'on:note': async () => {
        await promise;
        runs.noted++;
      },
    },
    { drainTimeout: 5_000, ...options },
  );
  return { ...started, runs, release };
}

/** Has it resolved by now? */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), sleep(1, false)]);
}

describe('a client of ours', () => {
  it('is told at once, gets what it waits for, and is refused anything new before a handler runs', async () => {
    const { port, server, runs, release } = await draining();
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => runs.count === 1);
    const closed = server.close();
    await until(() => client.received.length > 0);
    expect(client.received).toEqual([{ lb: { draining: true } }]);

    expect(await client.ask('fast')).toMatchObject({
      err: { status: 'error', code: 'DRAINING' },
      isDisposed: true,
      lb: { refused: 'draining', draining: true },
    });
    expect(client.received.at(-1).lb).not.toHaveProperty('retryAfter');
    expect(runs.count).toBe(1);
    expect(await isSettled(closed)).toBe(false);

    release('at last');
    expect(await client.reply('1')).toMatchObject({ response: 'at last', lb: { draining: true } });
    client.socket.end();
    await closed;
  });

  it('may stay silent for a second before its connection is closed', async () => {
    const { port, server } = await draining();
    const client = await WireClient.ours(port);
    const start = performance.now();
    await server.close();
    expect(client.closed).toBe(true);
    expect(performance.now() - start).toBeGreaterThan(950);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('hears of it in the answer to a probe', async () => {
    const { port, server, release, runs } = await draining();
    const client = await WireClient.stock(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => runs.count === 1);
    const closed = server.close();
    expect(await client.probe()).toMatchObject({ draining: true, idempotent: [] });
    expect(await client.ask('fast')).toMatchObject({ lb: { refused: 'draining' } });
    release('done');
    expect(await client.reply('1')).toMatchObject({ response: 'done' });
    client.socket.end();
    await closed;
  });

  it('has new events served, and they are waited for', async () => {
    const { port, server, runs, release } = await draining();
    const client = await WireClient.ours(port);
    const closed = server.close();
    client.send({ pattern: 'note' });
    await client.probe();
    client.socket.end();
    await until(() => client.closed);
    expect(await isSettled(closed)).toBe(false);
    release('done');
    await closed;
    expect(runs.noted).toBe(1);
  });
});

describe('a stock client', () => {
  it('is served until it has been silent for a moment, and sees nothing that it does not know', async () => {
    const { port, server, runs } = await draining();
    const client = await WireClient.stock(port);
    await client.ask('fast');
    const closed = server.close();
    for (let n = 0; n < 8; n++) {
      await sleep(30);
      expect(await client.ask('fast')).toEqual({ id: expect.anything(), response: 'done', isDisposed: true });
    }
    expect(client.received).toHaveLength(9);
    await closed;
    await until(() => client.closed);
    expect(runs.count).toBe(9);
  });

  it('loses no call that is in flight', async () => {
    const { port, server, runs, release } = await draining();
    const client = new ClientTCP({ host: '127.0.0.1', port });
    const answer = firstValueFrom(client.send('slow', {}));
    await until(() => runs.count === 1);
    const closed = server.close();
    await sleep(150);
    release('at last');
    expect(await answer).toBe('at last');
    await closed;
    client.close();
  });
});

describe('close()', () => {
  it('is done at once when there is nothing to do, however often it is called', async () => {
    const { server } = await draining();
    const start = performance.now();
    const closed = server.close();
    expect(server.close()).toBe(closed);
    await closed;
    expect(performance.now() - start).toBeLessThan(50);
  });

  it('takes no new connections', async () => {
    const { port, server, release, runs } = await draining();
    const client = await WireClient.stock(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => runs.count === 1);
    const closed = server.close();
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    release('done');
    await closed;
  });

  it.each([framedBy('FastTcpSocket'), framedBy('JsonSocket')])(
    'destroys at `drainTimeout` whatever is left, what was answered written ($name)',
    async ({ socketClass }) => {
      const { port, server, runs, logged } = await draining({ drainTimeout: 60, ...socketClass });
      const [ours, stock] = [await WireClient.ours(port), await WireClient.stock(port)];
      ours.send({ id: '1', pattern: 'slow' });
      stock.send({ id: '1', pattern: 'slow' });
      await until(() => runs.count === 2);
      const start = performance.now();
      await server.close();
      expect(performance.now() - start).toBeGreaterThanOrEqual(59);
      expect(performance.now() - start).toBeLessThan(250);
      await until(() => ours.closed && stock.closed);
      expect(logged).toEqual([expect.stringContaining('2 messages in flight, 2 connections open')]);
    },
  );

  it('logs what it waits for and how long it took, and nothing when there is nothing to wait for', async () => {
    const { port, server, runs, release } = await draining();
    const lines: string[] = [];
    (server as any).logger.log = (line: string) => lines.push(line);
    const client = await WireClient.stock(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => runs.count === 1);
    const closed = server.close();
    release('done');
    await closed;
    expect(lines).toEqual([
      'Draining: 1 messages in flight, 1 connections open',
      expect.stringMatching(/^Drained in \d+ ms$/),
    ]);

    const idle = await draining();
    (idle.server as any).logger.log = (line: string) => lines.push(line);
    await idle.server.close();
    expect(lines).toHaveLength(2);
  });

  it('with a `drainTimeout` of 0 destroys at once, and writes what was answered before', async () => {
    const { port, server, runs } = await draining({ drainTimeout: 0 });
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => runs.count === 1);
    // Answered in this very tick.
    (server as any).handleMessage([...(server as any).connections.open][0].socket, {
      id: '2',
      pattern: 'nope',
    });
    await server.close();
    await until(() => client.closed);
    expect(client.repliesTo('2')).toHaveLength(1);
    expect(client.repliesTo('1')).toEqual([]);
  });

  it('gives up on a client that does not read', async () => {
    const big = 'x'.repeat(8_000_000);
    const { port, server } = await startServer({ big: () => big }, { drainTimeout: 50 });
    const client = await WireClient.stock(port);
    client.socket.pause();
    client.send({ id: '1', pattern: 'big' });
    await until(() => [...(server as any).connections.open][0].netSocket.writableLength > 0);
    const start = performance.now();
    await server.close();
    expect(performance.now() - start).toBeLessThan(400);
  });

  it('drains TLS connections, too', async () => {
    const { runs, server, port, release } = await draining({
      tlsOptions: { key: SERVER_KEY, cert: SERVER_CERT, ca: CLIENT_CERT },
    });
    const client = new ClientTCP({ host: '127.0.0.1', port, tlsOptions: { ca: SERVER_CERT } });
    const answer = firstValueFrom(client.send('slow', {}));
    await until(() => runs.count === 1);
    const closed = server.close();
    release('at last');
    expect(await answer).toBe('at last');
    await closed;
    client.close();
  });

  it('can be followed by listen() again', async () => {
    const { server } = await draining();
    await server.close();
    await new Promise((resolve) => server.listen(resolve));
    const { port } = server.unwrap<any>().address();
    const client = await WireClient.ours(port);
    expect(await client.ask('fast')).toMatchObject({ response: 'done' });
    expect(server.draining).toBe(false);
    client.socket.end();
    await server.close();
  });
});

function framedBy(name: 'FastTcpSocket' | 'JsonSocket') {
  return { name, socketClass: name === 'JsonSocket' ? { socketClass: JsonSocket } : {} };
}
