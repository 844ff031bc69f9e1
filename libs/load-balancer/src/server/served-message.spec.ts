import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { interval, map, Observable } from 'rxjs';
import { RequestContext } from '../context/request-context.js';
import { until } from '../testing/until.js';
import { closeAll, hold, startServer, WireClient } from './wire.spec.fixture.js';

afterEach(closeAll);

const context = (): RequestContext => RequestContext.current()!;

/** A handler that tells of its signal and returns when the test says so. */
function watched() {
  const { promise, release } = hold();
  const seen: { signal?: AbortSignal; ended?: boolean } = {};
  const handler = async (): Promise<unknown> => {
    seen.signal = context().signal;
    const result = await promise;
    seen.ended = true;
    return result;
  };
  return { handler, seen, release };
}

describe('a request that is cancelled', () => {
  it('aborts its handler’s signal, and is not answered', async () => {
    const { handler, seen, release } = watched();
    const { port } = await startServer({ slow: handler, fast: () => 'done' });
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'slow' }, { id: '2', pattern: 'slow' });
    await until(() => seen.signal !== undefined);
    client.cancel('2');
    await until(() => seen.signal!.aborted);
    expect(seen.signal!.reason).toMatchObject({ code: 'CANCELLED' });
    release('late');
    await client.ask('fast');
    expect(client.repliesTo('1')).toMatchObject([{ response: 'late' }]);
    expect(client.repliesTo('2')).toEqual([]);
  });

  it('ends a stream, and nothing more is sent for it', async () => {
    let running = 0;
    const ticks = new Observable<number>((subscriber) => {
      running++;
      const subscription = interval(1).subscribe(subscriber);
      return () => {
        running--;
        subscription.unsubscribe();
      };
    });
    const { port, server } = await startServer({ ticks: () => ticks, fast: () => 'done' });
    const client = await WireClient.ours(port);
    client.send({ id: 1, pattern: 'ticks' });
    await until(() => client.received.length >= 3);
    client.send({ pattern: { 'nestjs-load-balancer': 'cancel' }, data: 1 });
    await until(() => running === 0);
    await client.ask('fast');
    const count = client.received.length;
    await sleep(10);
    expect(client.received).toHaveLength(count);
    expect(client.received.every(({ err, isDisposed, id }) => !err && (!isDisposed || id !== 1))).toBe(true);
    expect((server as any).workload.messages).toBe(0);
  });

  it('does not begin what its handler returns too late', async () => {
    const { promise, release } = hold<Observable<unknown>>();
    let subscribed = false;
    const { port, server } = await startServer({ slow: () => promise });
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => (server as any).workload.messages === 1);
    client.cancel('1');
    await client.probe();
    release(new Observable(() => void (subscribed = true)));
    await until(() => (server as any).workload.messages === 0);
    expect(subscribed).toBe(false);
  });

  it('never begins when a hook of the user’s still holds it back', async () => {
    let calls = 0;
    const { port, server } = await startServer({ count: () => ++calls });
    const held: (() => unknown)[] = [];
    server.setOnProcessingStartHook((_transport, _context, done) => void held.push(done));
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'count' });
    await until(() => held.length === 1);
    client.cancel('1');
    await until(() => (server as any).workload.messages === 0);
    held[0]!();
    await client.probe();
    expect(calls).toBe(0);
    expect(client.repliesTo('1')).toEqual([]);
  });

  it('is not counted for ever when a hook of the user’s never lets it pass', async () => {
    const { port, server } = await startServer({ count: () => 1 });
    server.setOnProcessingStartHook(() => undefined);
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'count', metadata: { 'lb-timeout': '50' } });
    await until(() => (server as any).workload.messages === 1);
    await until(() => (server as any).workload.messages === 0);
  });

  it('is only ever one of the same connection', async () => {
    const { handler, seen, release } = watched();
    const { port } = await startServer({ slow: handler });
    const [mine, stranger] = [await WireClient.ours(port), await WireClient.ours(port)];
    mine.send({ id: '1', pattern: 'slow' });
    await until(() => seen.signal !== undefined);
    stranger.cancel('1');
    await stranger.probe();
    expect(seen.signal!.aborted).toBe(false);
    release('mine');
    expect(await mine.reply('1')).toMatchObject({ response: 'mine' });
  });

  it.each([undefined, null, 7, 'nobody', { id: '1' }, [], '__proto__'])(
    'may be none that is known: %j',
    async (data) => {
      const { port, logged } = await startServer({ fast: () => 'done' });
      const client = await WireClient.ours(port);
      client.send({ pattern: { 'nestjs-load-balancer': 'cancel' }, data });
      expect(await client.ask('fast')).toMatchObject({ response: 'done' });
      expect(logged).toEqual([]);
    },
  );
});

describe('the end of a connection', () => {
  it('cancels all of its requests', async () => {
    const { handler, seen, release } = watched();
    const { port, server } = await startServer({ slow: handler });
    const client = await WireClient.stock(port);
    client.send({ id: '1', pattern: 'slow' });
    await until(() => seen.signal !== undefined);
    client.socket.destroy();
    await until(() => seen.signal!.aborted);
    expect(seen.signal!.reason).toMatchObject({ code: 'CANCELLED' });
    expect((server as any).workload.messages).toBe(1);
    release('for nobody');
    await until(() => (server as any).workload.messages === 0);
  });

  it('leaves events alone', async () => {
    const { handler, seen, release } = watched();
    const { port } = await startServer({ 'on:note': handler });
    const client = await WireClient.stock(port);
    client.send({ pattern: 'note' });
    await until(() => seen.signal !== undefined);
    client.socket.destroy();
    release('done');
    await until(() => seen.ended === true);
    expect(seen.signal!.aborted).toBe(false);
  });
});

describe('a deadline', () => {
  it('aborts the handler’s signal when it passes; what is answered then is sent all the same', async () => {
    const { handler, seen, release } = watched();
    const { port } = await startServer({ slow: handler });
    const client = await WireClient.ours(port);
    client.send({ id: '1', pattern: 'slow', metadata: { 'lb-timeout': '40' } });
    await until(() => seen.signal !== undefined);
    expect(seen.signal!.aborted).toBe(false);
    await until(() => seen.signal!.aborted);
    expect(seen.signal!.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    release('late');
    expect(await client.reply('1')).toMatchObject({ response: 'late', isDisposed: true });
  });

  it('holds for events, too', async () => {
    const { handler, seen } = watched();
    const { port } = await startServer({ 'on:note': handler });
    const client = await WireClient.stock(port);
    client.send({ pattern: 'note', metadata: { 'lb-timeout': '20' } });
    await until(() => seen.signal?.aborted === true);
  });

  it('is forgotten once the request is answered', async () => {
    let signal: AbortSignal | undefined;
    const { port } = await startServer({ fast: () => void (signal = context().signal) });
    const client = await WireClient.ours(port);
    await client.ask('fast', 0, { 'lb-timeout': '20' });
    await sleep(50);
    expect(signal!.aborted).toBe(false);
  });

  it('is known to the handler, with the peer', async () => {
    const { port } = await startServer({
      who: () => ({
        remaining: context().remaining(),
        peer: context().peer,
        aborted: context().signal.aborted,
      }),
    });
    const client = await WireClient.stock(port);
    const { response } = await client.ask('who', 0, { 'lb-timeout': '800' });
    expect(response).toMatchObject({ peer: { address: '127.0.0.1' }, aborted: false });
    expect(response.remaining).toBeGreaterThan(0);
    expect(response.remaining).toBeLessThanOrEqual(800);
  });
});

it('two requests with one id on one connection are both served, and both counted', async () => {
  const { promise, release } = hold();
  const { port, server } = await startServer({ slow: () => promise });
  const client = await WireClient.stock(port);
  client.send({ id: '1', pattern: 'slow' }, { id: '1', pattern: 'slow' });
  await until(() => (server as any).workload.messages === 2);
  release('done');
  await until(() => client.repliesTo('1').length === 2);
  expect((server as any).workload.messages).toBe(0);
  expect([...(server as any).connections.open][0].inFlight).toBe(0);
});

it('a stream is the user’s end hook’s to know, once, also when it is cancelled', async () => {
  const ends: (string | undefined)[] = [];
  const { port, server } = await startServer({
    ticks: () => interval(1).pipe(map(String)),
    fails: () => Promise.reject(new Error('as asked for')),
  });
  server.setOnProcessingEndHook(() => ends.push(RequestContext.current()?.requestId));
  const client = await WireClient.ours(port);
  client.send({ id: '1', pattern: 'ticks', metadata: { 'x-request-id': 'r-1' } });
  await until(() => client.received.length > 0);
  client.cancel('1');
  await until(() => ends.length > 0);
  client.send({ id: '2', pattern: 'fails', metadata: { 'x-request-id': 'r-2' } });
  await until(() => ends.length > 1);
  await sleep(5);
  expect(ends).toEqual(['r-1', 'r-2']);
});
