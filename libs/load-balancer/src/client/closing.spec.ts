import { describe, expect, it } from '@jest/globals';
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
  waiting,
} from './call.spec.fixture.js';

useVirtualTime();

function close(service: Awaited<ReturnType<typeof serviceOf>>) {
  const closing = { took: NaN };
  const started = performance.now();
  void service.upstream.close().then(() => (closing.took = performance.now() - started));
  return closing;
}

describe('a client that is closed', () => {
  it('fails calls at once that wait for a node nobody is connecting', async () => {
    const service = await serviceOf([A], { waitForReady: true });
    service.transport(A).lose();
    service.transport(A).refuse();
    await settled();
    const call = make(service);
    const closing = close(service);
    expect(call.seen).toEqual(['CLIENT_CLOSED']);
    await settled();
    expect(closing.took).toBe(0);
  });

  it('fails calls that wait once their node could not be connected', async () => {
    const service = await serviceOf([A], { waitForReady: true });
    service.resolve(B);
    const call = make(service);
    close(service);
    expect(call.seen).toEqual([]);
    service.transport(B).refuse();
    await settled();
    expect(call.seen).toEqual(['CLIENT_CLOSED']);
  });

  it('lets calls finish that wait for their turn, or back off', async () => {
    const service = await serviceOf([A, B], { limits: { maxInFlight: 2, queue: 10 } });
    const calls = [{ idempotent: true }, {}, {}].map((options) => make(service, { options }));
    lose(service, sent(service)[0]);
    const closing = close(service);
    await after(50 + LATE);
    while (waiting(service).length > 0) answer(waiting(service)[0]);
    expect(calls.map(({ seen }) => seen)).toEqual(Array(3).fill(['ok', 'complete']));
    await settled();
    expect(closing.took).toBeLessThan(100);
  });

  it('waits for a call that has a longer timeout of its own', async () => {
    const service = await serviceOf([A], { timeout: 500 });
    const call = make(service, { options: { timeout: 3_000 } });
    const closing = close(service);
    await after(2_500);
    answer(sent(service)[0]);
    await settled();
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(closing.took).toBe(2_500);
  });

  it('does not wait for what calls that are long over might have taken', async () => {
    const service = await serviceOf([A], { timeout: 500 });
    make(service, { options: { timeout: 60_000 } });
    answer(sent(service)[0]);
    const call = make(service, { options: { timeout: 0 } });
    const closing = close(service);
    await after(1_000);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(closing.took).toBeLessThan(700);
  });

  it('leaves nothing behind: no call, no lease, no timer', async () => {
    const service = await serviceOf([A, B], {
      limits: { maxInFlight: 3, maxInFlightPerNode: 1, queue: 10 },
      hedge: { delay: 50 },
      timeout: 0,
    });
    const calls = Array.from({ length: 6 }, () => make(service, { options: { idempotent: true } }));
    lose(service, sent(service)[0]);
    close(service);
    await after(5_000 + 200);
    const codes = calls.map(({ seen }) => seen);
    expect(codes.flat().every((code) => code === 'CLIENT_CLOSED' || code === 'CONNECTION_LOST')).toBe(true);
    expect(codes.every(({ length }) => length === 1)).toBe(true);
    expect(inFlight(service)).toBe(0);
    expect(armed()).toBe(0);
  });
});
