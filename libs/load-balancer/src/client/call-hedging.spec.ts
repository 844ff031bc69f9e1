import { describe, expect, it } from '@jest/globals';
import type { FakeService } from '../testing/fake-service.js';
import {
  A,
  after,
  answer,
  armed,
  B,
  C,
  eventsOf,
  fail,
  inFlight,
  LATE,
  lose,
  make,
  nodeOf,
  nodesAsked,
  sent,
  serviceOf,
  settled,
  useVirtualTime,
  waiting,
} from './call.spec.fixture.js';

useVirtualTime();

const DELAY = 100;
const hedge = { delay: DELAY };
const IDEMPOTENT = { options: { idempotent: true } };

describe('a silent attempt', () => {
  it('is joined by one on another node after the delay; the first answer counts', async () => {
    const service = await serviceOf([A, B], { hedge });
    const call = make(service, IDEMPOTENT);
    await after(DELAY - 2);
    expect(sent(service)).toHaveLength(1);
    await after(LATE);
    const [first, second] = sent(service);
    expect(new Set(nodesAsked(service))).toEqual(new Set([A, B]));
    expect(inFlight(service)).toBe(2);
    expect(eventsOf(service, 'hedge')).toMatchObject([{ node: nodeOf(service, first) }]);
    answer(second, 'from the second');
    expect(call.seen).toEqual(['from the second', 'complete']);
    expect(first).toMatchObject({ waiting: false, cancelled: true });
    expect(inFlight(service)).toBe(0);
    expect(armed()).toBe(0);
    expect(service.upstream.snapshot().nodes.map(({ failures }) => failures)).toEqual([0, 0]);
  });

  it('may still win', async () => {
    const service = await serviceOf([A, B], { hedge });
    const call = make(service, IDEMPOTENT);
    await after(DELAY + LATE);
    const [first, second] = sent(service);
    answer(first, 'from the first');
    second!.reply.next('too late', true);
    expect(call.seen).toEqual(['from the first', 'complete']);
    expect(second).toMatchObject({ waiting: false, cancelled: true });
    expect(inFlight(service)).toBe(0);
  });

  it('is the only one when it answers in time', async () => {
    const service = await serviceOf([A, B], { hedge });
    make(service, IDEMPOTENT);
    await after(DELAY - LATE);
    answer(sent(service)[0]);
    expect(armed()).toBe(0);
    await after(10 * DELAY);
    expect(sent(service)).toHaveLength(1);
  });

  it.each([
    ['is not idempotent', {}],
    ['serves a retry', { ...IDEMPOTENT, context: { isRetry: true } }],
    ['is not to be hedged', { options: { idempotent: true, hedge: false as const } }],
    ['is an event', { ...IDEMPOTENT, kind: 'event' as const }],
  ])('stays alone when the call %s', async (_which, spec) => {
    const service = await serviceOf([A, B], { hedge });
    make(service, spec);
    await after(10 * DELAY);
    expect(sent(service).length).toBeLessThanOrEqual(1);
    expect(eventsOf(service, 'hedge')).toEqual([]);
  });

  it('stays alone when there is no other node, or the budget is spent', async () => {
    const single = await serviceOf([A], { hedge });
    const spent = await serviceOf([A, B], { hedge, retry: { budget: { ratio: 0, minPerSecond: 0 } } });
    for (const service of [single, spent]) {
      make(service, IDEMPOTENT);
      await after(10 * DELAY);
      expect(sent(service)).toHaveLength(1);
    }
  });

  it('costs no budget when there is no other node', async () => {
    const service = await serviceOf([A], {
      hedge,
      retry: { budget: { ratio: 0, minPerSecond: 0.5, ttl: 2_000 } },
    });
    make(service, IDEMPOTENT);
    await after(DELAY + LATE);
    lose(service, sent(service)[0]);
    expect(eventsOf(service, 'retry')).toHaveLength(1);
  });

  it('is joined by as many as the service allows, each on a node of its own', async () => {
    const service = await serviceOf([A, B, C], { hedge: { delay: DELAY, maxAttempts: 3 } });
    const call = make(service, IDEMPOTENT);
    await after(10 * DELAY);
    expect(nodesAsked(service).sort()).toEqual([A, B, C]);
    answer(sent(service)[1]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(sent(service).map(({ cancelled }) => cancelled)).toEqual([true, false, true]);
    expect(inFlight(service)).toBe(0);
  });

  it('says that those that join it are retries', async () => {
    const service = await serviceOf([A, B], { hedge });
    const marks: boolean[] = [];
    service.buildPacket = ({ pattern, data }, _remaining, isRetry) => {
      marks.push(isRetry);
      return { pattern, data };
    };
    make(service, IDEMPOTENT);
    await after(DELAY + LATE);
    expect(marks).toEqual([false, true]);
  });
});

describe('of two attempts', () => {
  async function hedged(options?: Parameters<typeof serviceOf>[1]) {
    const service = await serviceOf([A, B], { hedge, ...options });
    const call = make(service, { options: { idempotent: true, timeout: 1_000 } });
    await after(DELAY + LATE);
    const [first, second] = sent(service);
    return { service, call, first, second };
  }

  it('one that is lost does not matter while the other may be answered', async () => {
    const { service, call, first, second } = await hedged();
    lose(service, first);
    expect(call.seen).toEqual([]);
    answer(second);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(inFlight(service)).toBe(0);
  });

  it('the last to be lost is retried', async () => {
    const { service, call, first, second } = await hedged();
    lose(service, second);
    lose(service, first);
    service.accept(A, B);
    await after(100);
    answer(waiting(service)[0]);
    expect(call.seen).toEqual(['ok', 'complete']);
  });

  it('both are told of in the order in which they were made, when both are lost', async () => {
    const { service, call, first, second } = await hedged({ retry: false });
    lose(service, second);
    await after(10);
    lose(service, first);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(call.error?.attempts.map(({ node, outcome }) => [node, outcome])).toEqual([
      [nodeOf(service, first), 'lost'],
      [nodeOf(service, second), 'lost'],
    ]);
  });

  it('one that a handler fails ends the call, and the other is cancelled', async () => {
    const { service, call, first, second } = await hedged();
    fail(first, 'no such city');
    expect(call.seen).toEqual(['no such city']);
    expect(second).toMatchObject({ waiting: false, cancelled: true });
    expect(inFlight(service)).toBe(0);
  });

  it('the one that begins to answer goes on alone', async () => {
    const { service, call, first, second } = await hedged();
    second!.reply.next(1, false);
    expect(first).toMatchObject({ waiting: false, cancelled: true });
    expect(inFlight(service)).toBe(1);
    second!.reply.next(2, false);
    second!.reply.complete();
    expect(call.seen).toEqual([1, 2, 'complete']);
  });

  it('the one that ends without a value wins, too', async () => {
    const { service, call, first, second } = await hedged();
    first!.reply.complete();
    expect(call.seen).toEqual(['complete']);
    expect(second!.cancelled).toBe(true);
    expect(inFlight(service)).toBe(0);
  });

  it('both end with the deadline', async () => {
    const { service, call } = await hedged();
    await after(1_000);
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
    expect(call.error?.attempts.map(({ outcome }) => outcome)).toEqual(['timed-out', 'timed-out']);
    expect(eventsOf(service, 'attempt-failed').map(({ outcome }) => outcome)).toEqual([
      'timed-out',
      'timed-out',
    ]);
    expect(inFlight(service)).toBe(0);
  });

  it('both end when the caller leaves, and both servers are told', async () => {
    const { service, call, first, second } = await hedged();
    call.unsubscribe();
    expect([first?.cancelled, second?.cancelled]).toEqual([true, true]);
    expect(inFlight(service)).toBe(0);
  });
});

describe('a hedge', () => {
  it('that its own event makes needless is not sent, and holds no node', async () => {
    const service = await serviceOf([A, B], { hedge });
    const call = make(service, IDEMPOTENT);
    service.onEvent(({ type }) => type === 'hedge' && call.unsubscribe());
    await after(DELAY + LATE);
    expect(sent(service)).toHaveLength(1);
    expect(inFlight(service)).toBe(0);
    expect(armed()).toBe(0);
  });

  it('opens the connection of an idle node, and fails alone when that is refused', async () => {
    const service = await serviceOf([A], { hedge, connection: { eager: 1 } });
    service.resolve(A, B);
    const calls = [make(service, IDEMPOTENT), make(service, IDEMPOTENT)];
    const onA = sent(service)[0];
    await after(DELAY + LATE);
    service.transport(B).refuse();
    await settled();
    expect(calls.map(({ seen }) => seen)).toEqual([[], []]);
    for (const request of waiting(service)) answer(request);
    await settled();
    expect(onA?.waiting).toBe(false);
    expect(calls[0]!.seen).toEqual(['ok', 'complete']);
    calls[1]!.unsubscribe();
    expect(inFlight(service)).toBe(0);
  });
});

describe('a delay that is a percentile', () => {
  const LATENCY = 40;
  async function learn(service: FakeService, options: Parameters<typeof make>[1]): Promise<void> {
    for (let i = 0; i < 30; i++) {
      make(service, options);
      await after(LATENCY);
      answer(waiting(service)[0]);
    }
  }

  it.each([
    ['of the service', { hedge: { delay: 'p90' as const } }, IDEMPOTENT],
    ['of the call', {}, { options: { idempotent: true, hedge: { delay: 'p90' as const } } }],
    ['of the pattern', { patterns: { p: { hedge: { delay: 'p90' as const } } } }, IDEMPOTENT],
  ])('follows the latency of the service (%s), once enough of it is known', async (_whose, options, spec) => {
    const service = await serviceOf([A, B], options);
    make(service, spec).unsubscribe();
    await learn(service, spec);
    expect(eventsOf(service, 'hedge')).toEqual([]);
    make(service, spec);
    await after(LATENCY - 2);
    expect(waiting(service)).toHaveLength(1);
    await after(2 + LATE);
    expect(waiting(service)).toHaveLength(2);
  });
});
