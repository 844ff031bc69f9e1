import { afterEach, describe, expect, it } from '@jest/globals';
import { RpcException } from '@nestjs/microservices';
import { setTimeout as sleep } from 'node:timers/promises';
import { of, throwError } from 'rxjs';
import { RequestContext } from '../context/request-context.js';
import { REPORT_INTERVAL } from './load-reporter.js';
import { closeAll, startServer, WireClient } from './wire.spec.fixture.js';

afterEach(closeAll);

describe('a load report', () => {
  it('stands on the last reply, at most one each 5 ms and connection', async () => {
    const { port } = await startServer(
      { stream: () => of(1, 2, 3), one: (n) => n },
      { report: () => ({ queued: 7 }) },
    );
    const client = await WireClient.ours(port);
    await sleep(2 * REPORT_INTERVAL);
    const sentAt = performance.now();
    const calls = Array.from({ length: 20 }, (_, n) => ({ id: `${n}`, pattern: 'one' }));
    client.send({ id: 's', pattern: 'stream' }, ...calls);
    await client.reply('19');
    const reported = client.received.filter(({ lb }) => lb !== undefined);
    // However long a busy machine takes for them.
    const intervals = (performance.now() - sentAt) / REPORT_INTERVAL;
    expect(reported.length).toBeGreaterThanOrEqual(1);
    expect(reported.length).toBeLessThanOrEqual(1 + intervals);
    for (const { isDisposed, lb } of reported) {
      expect(isDisposed).toBe(true);
      expect(lb.load).toMatchObject({ latency: expect.any(Number), custom: { queued: 7 } });
    }

    await sleep(2 * REPORT_INTERVAL);
    const { lb } = await client.ask('one');
    expect(lb.load.inFlight).toBe(0);
  });

  it('tells how much is answered, how fast, and which share of it with an error', async () => {
    const { port } = await startServer({
      one: () => 1,
      fails: () => throwError(() => 'no'),
      breaks: () => Promise.reject(new Error('no')),
    });
    const client = await WireClient.ours(port);
    await client.ask('one');
    await client.ask('fails');
    client.send({ id: 'b', pattern: 'breaks' });
    await client.ask('one');
    await sleep(2 * REPORT_INTERVAL);
    const { lb } = await client.ask('one');
    expect(lb.load).toMatchObject({ rate: 0.5, errorRate: 0.4 });
    expect(lb.load.latency).toBeLessThan(1_000);
  });

  it('counts what is in flight for all clients', async () => {
    const { port } = await startServer({ never: () => new Promise(() => undefined), one: () => 1 });
    (await WireClient.stock(port)).send({ id: '1', pattern: 'never' }, { id: '2', pattern: 'never' });
    const client = await WireClient.ours(port);
    await sleep(2 * REPORT_INTERVAL);
    expect(await client.ask('one')).toMatchObject({ lb: { load: { inFlight: 2 } } });
  });

  it('is for those who have announced that they read it, and for as long as they do', async () => {
    const { port } = await startServer({ one: () => 1 });
    const client = await WireClient.ours(port);
    await sleep(2 * REPORT_INTERVAL);
    expect(await client.ask('one')).toHaveProperty('lb');
    await client.probe(false);
    await sleep(2 * REPORT_INTERVAL);
    expect(await client.ask('one')).not.toHaveProperty('lb');
    const stock = await WireClient.stock(port);
    expect(await stock.ask('one')).not.toHaveProperty('lb');
  });
});

describe('a handler that fails', () => {
  const handlers = {
    ended: () => {
      RequestContext.current()!.retriesEnded = true;
      return throwError(() => new RpcException('below').getError());
    },
    fails: () => throwError(() => 'below'),
    recovers: () => {
      RequestContext.current()!.retriesEnded = true;
      return 'recovered';
    },
  };

  it('tells a client of ours not to retry what was retried further down', async () => {
    const { port } = await startServer(handlers);
    const client = await WireClient.ours(port);
    expect(await client.ask('ended')).toMatchObject({
      err: 'below',
      isDisposed: true,
      lb: { retryAfter: 'never' },
    });
    expect((await client.ask('fails')).lb ?? {}).not.toHaveProperty('retryAfter');
    expect((await client.ask('recovers')).lb ?? {}).not.toHaveProperty('retryAfter');
  });

  it('tells a stock client nothing of it', async () => {
    const { port } = await startServer(handlers);
    const stock = await WireClient.stock(port);
    expect(await stock.ask('ended')).toEqual({ id: expect.anything(), err: 'below', isDisposed: true });
  });
});
