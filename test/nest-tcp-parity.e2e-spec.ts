/**
 * What Nest's own TCP client does, the balanced one does: each behaviour is asked of both, side by side, of a stock server.
 * The behaviours are those that Nest's integration tests hold its TCP transport to.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClientProxy, ReadPacket } from '@nestjs/microservices';
import type { BalancedClientProxy } from 'nestjs-load-balancer';
import { firstValueFrom, Subject } from 'rxjs';
import { record } from './support/calls.js';
import { balancedClient, both, closeAll, plainClient, serve } from './support/side-by-side.js';
import { served, sum } from './support/test-controller.js';

describe('as with ClientTCP', () => {
  let clients: [ClientProxy, BalancedClientProxy];
  const send = (pattern: unknown, data: unknown) =>
    both(clients, (client) => record(client.send(pattern, data)));
  const answered = (...values: unknown[]) => ({ values, errors: [], completions: 1 });

  beforeAll(async () => {
    const port = await serve();
    clients = [plainClient(port), await balancedClient(port)];
  });
  afterAll(closeAll);

  beforeEach(() => {
    served.handled = 0;
    served.seen = new Subject();
    served.ticks = new Subject();
  });

  it.each(['sum', 'asyncSum', 'streamSum'])('one value is answered, and completes: %s', async (cmd) => {
    expect(await send({ cmd }, [1, 2, 3, 4, 5])).toEqual(answered(15));
  });

  it('each value of a stream is delivered in order', async () => {
    expect(await send({ cmd: 'streaming' }, [1, 2, 3, 4, 5])).toEqual(answered(1, 2, 3, 4, 5));
    expect(await send({ cmd: 'streaming' }, [])).toEqual(answered());
  });

  it('many calls at once each get their own answer', async () => {
    const batches = Array.from({ length: 200 }, (_, i) => Array.from({ length: 10 }, (__, j) => i * 10 + j));
    const sums = await both(clients, (client) =>
      Promise.all(batches.map((batch) => firstValueFrom(client.send<number>({ cmd: 'sum' }, batch)))),
    );
    expect(sums).toEqual(batches.map(sum));
  });

  it.each([0, '', false, 'ünïcödé 🚀', { deep: [1, { x: null }] }, [], [null]])(
    'whatever JSON can say arrives as it was: %j',
    async (value) => {
      expect(await send('echo', value)).toEqual(answered(value));
    },
  );

  it('a handler that returns nothing completes, one that returns null answers null', async () => {
    expect(await send('nothing', {})).toEqual(answered());
    expect(await send('a null', {})).toEqual(answered(null));
  });

  it('an unknown pattern is an error', async () => {
    const { errors } = await send({ cmd: 'unheard of' }, {});
    expect(errors).toEqual(['There is no matching message handler defined in the remote service.']);
  });

  it.each([
    ['rpc exception with an object', { code: 42, reason: 'sold out' }],
    ['rpc exception with a text', { status: 'error', message: 'sold out' }],
    ['any other error', { status: 'error', message: 'Internal server error' }],
    ['a failed stream', { status: 'gone' }],
  ])('what a handler throws is delivered as it is: %s', async (pattern, error) => {
    expect(await send(pattern, {})).toEqual({ values: [], errors: [error], completions: 0 });
  });

  it('a stream that fails has delivered what came before', async () => {
    const { values, errors } = await send('a stream that fails', {});
    expect({ values, errors }).toEqual({
      values: [1, 2],
      errors: [{ status: 'error', message: 'no third' }],
    });
  });

  it.each([
    [null, {}],
    [undefined, {}],
    ['echo', null],
    ['echo', undefined],
  ])('no pattern or no data is an error, sent or emitted: %j, %j', async (pattern, data) => {
    const sent = await send(pattern, data);
    const emitted = await both(clients, (client) => record(client.emit(pattern, data)));
    expect(sent.errors).toHaveLength(1);
    expect((sent.errors[0] as Error).message).toBe('The invalid data or message pattern (undefined/null)');
    expect(emitted).toStrictEqual(sent);
    expect((sent.errors[0] as object).constructor.name).toBe('InvalidMessageException');
  });

  it.each([
    ['notification', 'notification'],
    [{ on: 'object' }, 'object'],
  ])('an event arrives, and its Observable completes: %j', async (pattern, event) => {
    await both(clients, async (client) => {
      const arrived = firstValueFrom(served.seen);
      const told = await record(client.emit(pattern, { n: 1 }));
      return { told, arrived: withoutDeadline(await arrived) };
    }).then(({ told, arrived }) => {
      expect(told).toEqual({ values: [undefined], errors: [], completions: 1 });
      expect(arrived).toEqual({ event, data: { n: 1 }, metadata: {} });
    });
  });

  it('a call is cold: nothing is sent without a subscriber, and each subscriber makes a call of its own', async () => {
    await both(clients, async (client) => {
      served.handled = 0;
      const call = client.send({ cmd: 'sum' }, [1, 2]);
      await firstValueFrom(client.send('echo', 'a round trip'));
      const before = served.handled;
      const answers = [await firstValueFrom(call), await firstValueFrom(call)];
      return { before, answers, after: served.handled };
    }).then((result) => expect(result).toEqual({ before: 0, answers: [3, 3], after: 2 }));
  });

  it('an event is hot: it is sent once, whether nobody subscribes or several do', async () => {
    await both(clients, async (client) => {
      const arrivals: unknown[] = [];
      const subscription = served.seen.subscribe(({ data }) => arrivals.push(data));
      client.emit('notification', 'unsubscribed');
      const emitted = client.emit('notification', 'subscribed');
      emitted.subscribe();
      emitted.subscribe();
      await firstValueFrom(client.send('echo', 'a round trip'));
      subscription.unsubscribe();
      return arrivals;
    }).then((arrivals) => expect(arrivals).toEqual(['unsubscribed', 'subscribed']));
  });

  it('unsubscribing in the middle of a stream ends it for the caller, and nothing else', async () => {
    await both(clients, async (client) => {
      served.ticks = new Subject();
      const values: unknown[] = [];
      const subscription = client.send({ cmd: 'ticks' }, {}).subscribe((value) => values.push(value));
      await firstValueFrom(client.send('echo', 'the call before this one is being handled'));
      served.ticks.next(1);
      served.ticks.next(2);
      await firstValueFrom(client.send('echo', 'what was sent before has arrived'));
      subscription.unsubscribe();
      served.ticks.next(3);
      served.ticks.complete();
      return { values, later: await firstValueFrom(client.send('echo', 'still there')) };
    }).then((result) => expect(result).toEqual({ values: [1, 2], later: 'still there' }));
    expect(clients[1].nodes()).toMatchObject([{ inFlight: 0 }]);
  });

  it('the dispatch hook sees each packet once, and what it attaches is read by the handler', async () => {
    await both(clients, async (client) => {
      const packets: ReadPacket[] = [];
      client.setOnDispatchHook((packet) => {
        packets.push({ ...packet });
        packet.metadata = { 'x-request-id': 'trace-1' };
      });
      const answer = await firstValueFrom(client.send('metadata', { id: 7 }));
      const arrived = firstValueFrom(served.seen);
      client.emit('notification', 'n');
      const event = await arrived;
      client.setOnDispatchHook(() => undefined);
      return { packets, answer: withoutDeadline(answer), event: withoutDeadline(event) };
    }).then(({ packets, answer, event }) => {
      expect(packets).toEqual([
        { pattern: 'metadata', data: { id: 7 } },
        { pattern: 'notification', data: 'n' },
      ]);
      expect(answer).toEqual({ data: { id: 7 }, metadata: { 'x-request-id': 'trace-1' } });
      expect(event).toMatchObject({ metadata: { 'x-request-id': 'trace-1' } });
    });
  });
});

/** The balanced client tells the time that is left, even when nothing else is to be told. */
function withoutDeadline<T>(received: T): T {
  const { metadata } = received as { metadata: unknown };
  return { ...received, metadata: without('lb-timeout', metadata) };
}

/** The object without a key; an empty one for `null`. */
function without(key: string, object: unknown): object {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([name]) => name !== key));
}
