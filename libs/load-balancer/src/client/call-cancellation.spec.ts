import { describe, expect, it } from '@jest/globals';
import { getMaxListeners } from 'node:events';
import { Cancellation } from '../context/cancellation.js';
import {
  A,
  after,
  answer,
  armed,
  B,
  inFlight,
  LATE,
  lose,
  make,
  sent,
  serviceOf,
  settled,
  useVirtualTime,
} from './call.spec.fixture.js';

useVirtualTime();

type Service = Awaited<ReturnType<typeof serviceOf>>;
/** Ends the call that is under way. */
type End = (service: Service) => unknown;

describe('a server is told', () => {
  it.each([
    ['when the caller unsubscribes', (end: { unsubscribe: () => void }) => end.unsubscribe()],
    ['when the signal is aborted', (end: { abort: () => void }) => end.abort()],
    ['when the request that it was made for is cancelled', (end: { cancel: () => void }) => end.cancel()],
  ])('%s', async (_when, how) => {
    const service = await serviceOf([A]);
    const controller = new AbortController();
    const cancellation = new Cancellation();
    const call = make(service, { options: { signal: controller.signal }, context: { cancellation } });
    how({
      unsubscribe: () => call.unsubscribe(),
      abort: () => controller.abort(),
      cancel: () => cancellation.cancel('gone'),
    });
    expect(sent(service)).toMatchObject([{ waiting: false, cancelled: true }]);
    expect(inFlight(service)).toBe(0);
    expect(armed()).toBe(0);
  });

  it('also in the middle of a stream', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    sent(service)[0]!.reply.next(1, false);
    call.unsubscribe();
    expect(sent(service)[0]!.cancelled).toBe(true);
  });

  it('nothing at the deadline, which it knows by itself', async () => {
    const service = await serviceOf([A]);
    make(service, { options: { timeout: 100 } });
    await after(100 + LATE);
    expect(sent(service)).toMatchObject([{ waiting: false, cancelled: false }]);
  });

  it('nothing when it has answered', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    answer(sent(service)[0]);
    call.unsubscribe();
    expect(sent(service)[0]!.cancelled).toBe(false);
  });
});

describe('the request that a call is made for', () => {
  it('cancels the call with its reason', async () => {
    const service = await serviceOf([A]);
    const cancellation = new Cancellation();
    const call = make(service, { context: { cancellation } });
    const reason = new Error('the client hung up');
    cancellation.cancel(reason);
    expect(call.seen).toEqual(['CANCELLED']);
    expect(call.error?.message).toBe('orders: the request that the call was made for was cancelled');
    expect(call.error?.cause).toBe(reason);
    expect(call.error?.attempts).toMatchObject([{ node: A, outcome: 'cancelled' }]);
  });

  it('that was cancelled before lets nothing be sent', async () => {
    const service = await serviceOf([A]);
    const cancellation = new Cancellation();
    cancellation.cancel('gone');
    expect(make(service, { context: { cancellation } }).seen).toEqual(['CANCELLED']);
    expect(sent(service)).toEqual([]);
  });

  it('that is cancelled since its time is up ends the call as one that is too late', async () => {
    const service = await serviceOf([A]);
    const cancellation = new Cancellation();
    // On a timer of its own, which comes before that of the deadline.
    setTimeout(() => cancellation.cancel('too late'), 100);
    const call = make(service, { context: { cancellation, deadline: performance.now() + 100 } });
    await after(100);
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
  });

  it('does not cancel an event, which is to go out whoever leaves', async () => {
    const service = await serviceOf([A]);
    const cancellation = new Cancellation();
    const call = make(service, { kind: 'event', context: { cancellation } });
    cancellation.cancel('gone');
    await settled();
    expect(call.seen).toEqual([undefined, 'complete']);
    const late = make(service, { kind: 'event', context: { cancellation } });
    await settled();
    expect(late.seen).toEqual([undefined, 'complete']);
  });

  it.each([
    ['is answered', (service: Service) => answer(sent(service)[0])],
    ['is lost', (service: Service) => lose(service, sent(service)[0])],
    ['is too late', () => after(5_000 + LATE)],
  ] satisfies [string, End][])('knows nothing of the call any more when that %s', async (_how, end: End) => {
    const service = await serviceOf([A, B]);
    const cancellation = new Cancellation();
    make(service, { context: { cancellation } });
    const { listeners } = cancellation as unknown as { listeners: Set<unknown> };
    expect(listeners.size).toBe(1);
    await end(service);
    expect(listeners.size).toBe(0);
  });
});

describe('a call may be cancelled', () => {
  it('while it backs off', async () => {
    const service = await serviceOf([A, B]);
    const cancellation = new Cancellation();
    const call = make(service, { options: { idempotent: true }, context: { cancellation } });
    lose(service, sent(service)[0]);
    cancellation.cancel('gone');
    expect(call.seen).toEqual(['CANCELLED']);
    expect(call.error?.attempts).toMatchObject([{ outcome: 'lost' }]);
    expect(armed()).toBe(0);
    await after(1_000);
    expect(sent(service)).toHaveLength(1);
  });

  it('while it waits for a node, or for its turn', async () => {
    const service = await serviceOf([A], { limits: { maxInFlight: 1, queue: 1 }, waitForReady: true });
    make(service);
    const controller = new AbortController();
    const queued = make(service, { options: { signal: controller.signal } });
    controller.abort();
    expect(queued.seen).toEqual(['CANCELLED']);
    lose(service, sent(service)[0]);
    service.transport(A).refuse();
    await settled();
    const another = new AbortController();
    const waits = make(service, { options: { signal: another.signal } });
    another.abort();
    expect(waits.seen).toEqual(['CANCELLED']);
    await after(2_000);
    service.accept(A);
    await settled();
    expect(sent(service)).toHaveLength(1);
  });
});

it('many calls may share one signal without Node taking it for a leak', async () => {
  const service = await serviceOf([A]);
  const { signal } = new AbortController();
  make(service, { options: { signal } });
  // No limit, so no warning: the warning itself goes to the process outside of this test's own.
  expect(getMaxListeners(signal)).toBe(Infinity);
});
