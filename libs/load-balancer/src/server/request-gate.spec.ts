import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestContext } from '../context/request-context.js';
import { until } from '../testing/until.js';
import { Cost } from './handler-marks.js';
import { REPORT_INTERVAL } from './load-reporter.js';
import type { Handlers } from './wire.spec.fixture.js';
import { closeAll, hold, startServer, WireClient } from './wire.spec.fixture.js';

afterEach(closeAll);

/** Handlers that hold until the test ends, and how often they ran. */
function counting() {
  const { promise, release } = hold();
  const runs = { count: 0 };
  const handle = (): Promise<unknown> => {
    runs.count++;
    return promise;
  };
  return { handle, runs, release };
}

/** A handler that keeps the CPU for so many milliseconds. */
function spin(ms: number): number {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

describe('a request past its deadline', () => {
  it('is not begun, and a client of ours is told that it was not', async () => {
    const { handle, runs } = counting();
    const { port } = await startServer({ handle });
    const reply = await (await WireClient.ours(port)).ask('handle', 0, { 'lb-timeout': '0' });
    expect(reply).toMatchObject({
      err: { status: 'error', code: 'DEADLINE_EXCEEDED' },
      isDisposed: true,
      lb: { refused: 'expired' },
    });
    expect(reply.lb).not.toHaveProperty('retryAfter');
    expect(runs.count).toBe(0);
  });

  it('is an error reply to a stock client, with no key that it does not know', async () => {
    const { port } = await startServer({ handle: () => 1 });
    const reply = await (await WireClient.stock(port)).ask('handle', 0, { 'lb-timeout': '0' });
    expect(Object.keys(reply).sort()).toEqual(['err', 'id', 'isDisposed']);
    expect(reply.err.code).toBe('DEADLINE_EXCEEDED');
  });

  it('is one that waited behind others of its chunk, too', async () => {
    const { port } = await startServer({ spin: (ms) => spin(ms) });
    const client = await WireClient.ours(port);
    const metadata = { 'lb-timeout': '40' };
    client.send(
      { id: '1', pattern: 'spin', data: 60, metadata },
      { id: '2', pattern: 'spin', data: 0, metadata },
    );
    expect(await client.reply('2')).toMatchObject({ lb: { refused: 'expired' } });
    expect(await client.reply('1')).toMatchObject({ response: 60 });
  });

  it.each(['', '-1', '1.5', 'soon', '12345678901', 5, null, ['1']])(
    'is none whose deadline makes no sense: %j',
    async (timeout) => {
      const { port } = await startServer({ handle: () => 'served' });
      const reply = await (await WireClient.ours(port)).ask('handle', 0, { 'lb-timeout': timeout });
      expect(reply.response).toBe('served');
    },
  );

  it('is served when it is an event', async () => {
    let signal: AbortSignal | undefined;
    const { port } = await startServer({ 'on:note': () => void (signal = RequestContext.current()!.signal) });
    (await WireClient.ours(port)).send({ pattern: 'note', metadata: { 'lb-timeout': '0' } });
    await until(() => signal !== undefined);
  });
});

describe('a server with a limit', () => {
  async function full(handlers: Handlers, limits: object, extras = {}) {
    const started = await startServer(handlers, { limits }, extras);
    const client = await WireClient.ours(started.port);
    return { ...started, client, stock: await WireClient.stock(started.port) };
  }

  it('refuses what is too much before its handler, and says when to come back', async () => {
    const { handle, runs, release } = counting();
    const { client, stock } = await full({ handle }, { maxInFlight: 2 });
    client.send({ id: '1', pattern: 'handle' }, { id: '2', pattern: 'handle' });
    await until(() => runs.count === 2);
    const refused = await client.ask('handle');
    expect(refused).toMatchObject({
      err: { status: 'error', code: 'OVERLOADED' },
      isDisposed: true,
      lb: { refused: 'overloaded' },
    });
    expect(refused.lb.retryAfter).toBeGreaterThan(0);
    const { err, ...rest } = await stock.ask('handle');
    expect(err).toMatchObject({ status: 'error', code: 'OVERLOADED', retryAfter: expect.any(Number) });
    expect(Object.keys(rest).sort()).toEqual(['id', 'isDisposed']);
    expect(runs.count).toBe(2);
    release('done');
    await client.reply('2');
    expect(await client.ask('handle')).toMatchObject({ response: 'done' });
  });

  it('keeps room for what is important', async () => {
    const { handle, runs } = counting();
    const { client } = await full(
      { handle, bulk: handle, vital: handle },
      { maxInFlight: 10, priorities: { bulk: 3, '{ "cmd": "vital" }': 0 } },
    );
    for (let n = 0; n < 7; n++) client.send({ id: `${n}`, pattern: 'bulk' });
    expect(await client.ask('bulk')).toMatchObject({ lb: { refused: 'overloaded' } });
    client.send(
      { id: '8', pattern: 'handle' },
      { id: '9', pattern: 'handle' },
      { id: '10', pattern: 'vital' },
    );
    expect(await client.ask('vital')).toMatchObject({ lb: { refused: 'overloaded' } });
    expect(runs.count).toBe(10);
  });

  it('finds priorities by the route of a pattern that is an object', async () => {
    const { handle, runs } = counting();
    const { client } = await full(
      { '{"cmd":"bulk","n":1}': handle },
      { maxInFlight: 10, priorities: { '{ "n": 1, "cmd": "bulk" }': 3 } },
    );
    for (let n = 0; n < 7; n++) client.send({ id: `${n}`, pattern: { n: 1, cmd: 'bulk' } });
    expect(await client.ask({ cmd: 'bulk', n: 1 })).toMatchObject({ lb: { refused: 'overloaded' } });
    expect(runs.count).toBe(7);
  });

  it('counts a handler by its @Cost()', async () => {
    const { handle, runs, release } = counting();
    class Marked {
      @Cost(5)
      heavy(): void {
        // Only its mark is looked at.
      }
    }
    const extras = Reflect.getMetadata(
      'microservices:pattern_extras',
      Object.getOwnPropertyDescriptor(Marked.prototype, 'heavy')!.value,
    );
    const { client, server } = await full({ heavy: handle, handle }, { maxInFlight: 6 }, { heavy: extras });
    client.send({ id: '1', pattern: 'heavy' }, { id: '2', pattern: 'handle' });
    await sleep(2 * REPORT_INTERVAL);
    expect(await client.ask('handle')).toMatchObject({
      lb: { refused: 'overloaded', load: { inFlight: 6 } },
    });
    release('done');
    await client.reply('2');
    expect((server as any).workload.inFlight).toBe(0);
    expect(runs.count).toBe(2);
  });

  it('never refuses an event, but counts it', async () => {
    const { handle, runs } = counting();
    const { client } = await full({ 'on:note': handle, handle }, { maxInFlight: 2 });
    client.send({ pattern: 'note' }, { pattern: 'note' }, { pattern: 'note' });
    expect(await client.ask('handle')).toMatchObject({ lb: { refused: 'overloaded' } });
    expect(runs.count).toBe(3);
  });

  it('answers probes and unknown patterns as ever', async () => {
    const { handle } = counting();
    const { client, stock } = await full({ handle }, { maxInFlight: 1 });
    client.send({ id: '1', pattern: 'handle' });
    expect(await client.probe()).toMatchObject({ lb: 1, load: { inFlight: 1 } });
    expect((await stock.ask('nope')).err).toContain('no matching message handler');
  });

  it('may find its limit itself', async () => {
    const { handle, runs } = counting();
    const { client } = await full({ handle }, { adaptive: { initial: 3, min: 3 }, maxInFlight: 50 });
    for (let n = 0; n < 3; n++) client.send({ id: `${n}`, pattern: 'handle' });
    expect(await client.ask('handle')).toMatchObject({ lb: { refused: 'overloaded' } });
    expect(runs.count).toBe(3);
  });

  it('is warned about priorities of patterns that nobody handles', async () => {
    const { logged } = await full({ quote: () => 1 }, { maxInFlight: 1, priorities: { qoute: 2, quote: 1 } });
    expect(logged).toEqual([expect.stringContaining('"qoute"; did you mean "quote"?')]);
  });
});
