import { describe, expect, it } from '@jest/globals';
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
  refuse,
  sent,
  serviceOf,
  settled,
  useVirtualTime,
  waiting,
} from './call.spec.fixture.js';

useVirtualTime();

const IDEMPOTENT = { options: { idempotent: true } };
/** Half of the interval: what the fake chance draws. */
const FIRST_DELAY = 25;

describe('a lost call', () => {
  it('that is not idempotent is never sent again', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service);
    lose(service, sent(service)[0]);
    await after(1_000);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(sent(service)).toHaveLength(1);
  });

  it('that is idempotent is sent again, after a back-off, to another node', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    lose(service, sent(service)[0]);
    await after(FIRST_DELAY - 2);
    expect(sent(service)).toHaveLength(1);
    await after(LATE);
    expect(new Set(nodesAsked(service))).toEqual(new Set([A, B]));
    answer(sent(service)[1]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(inFlight(service)).toBe(0);
    expect(armed()).toBe(0);
  });

  it('goes to the same node again when there is no other', async () => {
    const service = await serviceOf([A], { connection: { backoff: { initial: 10 } } });
    const call = make(service, IDEMPOTENT);
    lose(service, sent(service)[0]);
    service.accept(A);
    await after(FIRST_DELAY + LATE);
    answer(sent(service)[1]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(nodesAsked(service)).toEqual([A, A]);
  });

  it('waits longer from retry to retry, and fails after the last with all that was tried', async () => {
    const service = await serviceOf([A, B, C]);
    const call = make(service, IDEMPOTENT);
    for (const delay of [FIRST_DELAY, 2 * FIRST_DELAY]) {
      lose(service, waiting(service)[0]);
      await after(delay - 2);
      expect(waiting(service)).toEqual([]);
      await after(LATE);
    }
    lose(service, waiting(service)[0]);
    await after(1_000);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(call.error?.attempts.map(({ node, outcome }) => [node, outcome])).toEqual(
      nodesAsked(service).map((node) => [node, 'lost']),
    );
    expect(new Set(nodesAsked(service)).size).toBe(3);
    expect(eventsOf(service, 'retry').map(({ retry, delay }) => [retry, delay])).toEqual([
      [1, FIRST_DELAY],
      [2, 2 * FIRST_DELAY],
    ]);
    expect(armed()).toBe(0);
  });

  it('is not sent again once the caller has seen a part of the answer', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    sent(service)[0]!.reply.next(1, false);
    lose(service, sent(service)[0]);
    await after(1_000);
    expect(call.seen).toEqual([1, 'CONNECTION_LOST']);
    expect(sent(service)).toHaveLength(1);
  });

  it('fails at once when its deadline leaves no room for a retry', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, { options: { idempotent: true, timeout: 100 } });
    await after(99.5);
    lose(service, sent(service)[0]);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
  });

  it.each([0.98, 0.999_999])(
    'ends at its deadline, also while it backs off (%d of the time left)',
    async (drawn) => {
      const service = await serviceOf([A, B], { retry: { backoff: { initial: 10_000, max: 10_000 } } });
      Object.assign(service.upstream, { random: () => drawn });
      const call = make(service, { options: { idempotent: true, timeout: 100 } });
      await after(50);
      lose(service, sent(service)[0]);
      await after(50 + LATE);
      expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
      expect(call.took).toBeLessThanOrEqual(100 + LATE);
      // Both end within one tick of the wheel.
      expect(call.error?.attempts.map(({ outcome }) => outcome)).toEqual(['lost']);
      expect(sent(service)).toHaveLength(1);
      expect(armed()).toBe(0);
    },
  );

  it('waits for a node after its back-off if it may, and for none otherwise', async () => {
    const service = await serviceOf([A]);
    const patient = make(service, { options: { idempotent: true, waitForReady: true, timeout: 60_000 } });
    const hasty = make(service, IDEMPOTENT);
    service.transport(A).lose();
    service.transport(A).refuse();
    await after(500);
    expect(hasty.seen).toEqual(['CONNECTION_LOST']);
    expect(patient.seen).toEqual([]);
    await after(1_000);
    service.accept(A);
    await settled();
    answer(waiting(service)[0]);
    expect(patient.seen).toEqual(['ok', 'complete']);
  });

  it('may be given up while it backs off', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    lose(service, sent(service)[0]);
    call.unsubscribe();
    expect(armed()).toBe(0);
    await after(1_000);
    expect(sent(service)).toHaveLength(1);
  });

  it('may be given up by whoever is told of the retry', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    service.onEvent(({ type }) => type === 'retry' && call.unsubscribe());
    lose(service, sent(service)[0]);
    expect(armed()).toBe(0);
    await after(1_000);
    expect(sent(service)).toHaveLength(1);
  });
});

describe('retries', () => {
  it('can be switched off, for a service or for a call', async () => {
    const without = await serviceOf([A, B], { retry: false });
    const with_ = await serviceOf([A, B]);
    const calls = [make(without, IDEMPOTENT), make(with_, { options: { idempotent: true, retry: false } })];
    lose(without, sent(without)[0]);
    lose(with_, sent(with_)[0]);
    expect(calls.map(({ seen }) => seen)).toEqual([['CONNECTION_LOST'], ['CONNECTION_LOST']]);
  });

  it('are made within the budget of the service, which all its calls share', async () => {
    const service = await serviceOf([A, B], { retry: { budget: { ratio: 0, minPerSecond: 1, ttl: 2_000 } } });
    const calls = Array.from({ length: 5 }, () => make(service, IDEMPOTENT));
    service.transport(A).lose();
    service.transport(B).lose();
    expect(eventsOf(service, 'retry')).toHaveLength(2);
    expect(calls.filter(({ seen }) => seen[0] === 'CONNECTION_LOST')).toHaveLength(3);
  });

  it('say that they are retries, the first attempt and transparent ones do not', async () => {
    const service = await serviceOf([A, B, C]);
    const marks: boolean[] = [];
    service.buildPacket = ({ pattern, data }, _remaining, isRetry) => {
      marks.push(isRetry);
      return { pattern, data };
    };
    make(service, IDEMPOTENT);
    lose(service, waiting(service)[0], false);
    lose(service, waiting(service)[0]);
    await after(FIRST_DELAY + LATE);
    expect(marks).toEqual([false, false, true]);
  });

  it('are not made for a request that is a retry itself: its own caller is told so', async () => {
    const service = await serviceOf([A, B]);
    const context = { isRetry: true, retriesEnded: false };
    const call = make(service, { ...IDEMPOTENT, context });
    lose(service, sent(service)[0]);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(context.retriesEnded).toBe(true);
  });
});

describe('whoever made the request', () => {
  it.each([
    ['every attempt was used up', { options: { idempotent: true, retry: { maxAttempts: 1 } } }, true],
    ['the call must not be repeated', {}, false],
    [
      'the failure is none to repeat',
      { options: { idempotent: true, retry: { retryOn: ['OTHER'] } } },
      false,
    ],
  ])('is told not to repeat it when %s: %#', async (_why, spec, ended) => {
    const service = await serviceOf([A, B]);
    const context = { retriesEnded: false };
    make(service, { ...spec, context });
    lose(service, sent(service)[0]);
    expect(context.retriesEnded).toBe(ended);
  });

  it('is told when the budget is spent, and not when the call is answered in the end', async () => {
    const service = await serviceOf([A, B], {
      retry: { budget: { ratio: 0, minPerSecond: 0.5, ttl: 2_000 } },
    });
    const contexts = [{ retriesEnded: false }, { retriesEnded: false }];
    const calls = contexts.map((context) => make(service, { ...IDEMPOTENT, context }));
    service.transport(A).lose();
    service.accept(A);
    await settled();
    service.transport(B).lose();
    await after(FIRST_DELAY + LATE);
    answer(waiting(service)[0]);
    const [answered, failed] = calls[0]!.seen[0] === 'ok' ? [0, 1] : [1, 0];
    expect(calls[failed]!.seen).toEqual(['CONNECTION_LOST']);
    expect(contexts[answered]!.retriesEnded).toBe(false);
    expect(contexts[failed]!.retriesEnded).toBe(true);
  });

  it('is told what those further down say', async () => {
    const service = await serviceOf([A]);
    const context = { retriesEnded: false };
    const call = make(service, { context });
    fail(sent(service)[0], 'failed below', { retryAfter: 'never' });
    expect(call.seen).toEqual(['failed below']);
    expect(context.retriesEnded).toBe(true);
  });
});

describe('an error of a handler', () => {
  const retryOn = ['UNAVAILABLE'];
  const error = { status: 'error', code: 'UNAVAILABLE' };

  it('is the answer unless the user says that it is to be repeated', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    fail(sent(service)[0], error);
    expect(call.seen).toEqual([error]);
  });

  it('is repeated on another node when the user says so', async () => {
    const service = await serviceOf([A, B, C], { strategy: 'pick-first', retry: { retryOn } });
    const call = make(service, IDEMPOTENT);
    for (const delay of [FIRST_DELAY, 2 * FIRST_DELAY]) {
      fail(waiting(service)[0], error);
      await after(delay + LATE);
    }
    expect(new Set(nodesAsked(service))).toEqual(new Set([A, B, C]));
    fail(waiting(service)[0], error);
    expect(call.seen).toEqual([error]);
    expect(inFlight(service)).toBe(0);
  });

  it('is not repeated when its code is another, the call not idempotent, or the server against it', async () => {
    const service = await serviceOf([A, B], { retry: { retryOn } });
    const other = { code: 'NOT_FOUND' };
    const calls = [make(service, IDEMPOTENT), make(service), make(service, IDEMPOTENT)];
    const [first, second, third] = sent(service);
    fail(first, other);
    fail(second, error);
    fail(third, error, { retryAfter: 'never' });
    expect(calls.map(({ seen }) => seen)).toEqual([[other], [error], [error]]);
  });

  it('reaches the caller when nobody could be asked again', async () => {
    const service = await serviceOf([A, B], { retry: { retryOn } });
    const call = make(service, IDEMPOTENT);
    fail(sent(service)[0], error);
    for (const key of [A, B]) {
      service.transport(key).lose();
      service.transport(key).refuse();
    }
    await after(FIRST_DELAY + LATE);
    expect(call.seen).toEqual([error]);
  });
});

describe('a server that is overloaded', () => {
  it('lets the call go on to another node once, for free', async () => {
    const service = await serviceOf([A, B], { retry: { budget: { ratio: 0, minPerSecond: 0 } } });
    const call = make(service);
    refuse(sent(service)[0], 'overloaded');
    answer(sent(service)[1]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(new Set(nodesAsked(service))).toEqual(new Set([A, B]));
    expect(eventsOf(service, 'attempt-failed')).toMatchObject([
      { outcome: 'rejected', reason: 'the server is overloaded' },
    ]);
  });

  it('is asked again after the time that it names, though the call is not idempotent', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    refuse(sent(service)[0], 'overloaded', 300);
    await after(298);
    expect(sent(service)).toHaveLength(1);
    await after(LATE);
    answer(sent(service)[1]);
    expect(call.seen).toEqual(['ok', 'complete']);
  });

  it('is asked again after a back-off when it names none and there is no other', async () => {
    const service = await serviceOf([A], { waitForReady: true });
    const call = make(service);
    refuse(sent(service)[0], 'overloaded');
    await after(FIRST_DELAY + LATE);
    answer(sent(service)[1]);
    expect(call.seen).toEqual(['ok', 'complete']);
  });

  it('fails the call when it wants no retry, with what it said', async () => {
    const service = await serviceOf([A, B]);
    const context = { retriesEnded: false };
    const calls = [
      make(service, { context }),
      make(service, { options: { timeout: 1_000, retry: { maxAttempts: 1 } } }),
    ];
    const [first, second] = sent(service);
    refuse(first, 'overloaded', 'never');
    refuse(second, 'overloaded', 70_000);
    expect(calls.map(({ seen }) => seen)).toEqual([['OVERLOADED'], ['OVERLOADED']]);
    expect(calls.map(({ error }) => (error as { retryAfter?: number }).retryAfter)).toEqual([
      undefined,
      70_000,
    ]);
    expect(context.retriesEnded).toBe(true);
  });

  it('never saw the call, but an error must not hide that another may have', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    const [first] = sent(service);
    const lostOn = nodeOf(service, first);
    lose(service, first);
    await after(FIRST_DELAY + LATE);
    refuse(waiting(service)[0], 'overloaded', 'never');
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(call.error?.message).toContain(`the connection to ${lostOn} was lost`);
    expect(call.error?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'rejected']);
  });
});

describe('after an attempt that may have been processed', () => {
  it('a node that cannot be reached does not turn the error into "nothing was sent"', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    lose(service, sent(service)[0]);
    await after(FIRST_DELAY + LATE);
    lose(service, waiting(service)[0], false);
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(call.error?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'refused']);
  });

  it('a node that is back may be asked again, when the others refuse the connection', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, IDEMPOTENT);
    const first = nodeOf(service, sent(service)[0])!;
    lose(service, sent(service)[0]);
    service.accept(first);
    await after(FIRST_DELAY + LATE);
    lose(service, waiting(service)[0], false);
    await after(2 * FIRST_DELAY + LATE);
    expect(nodesAsked(service).at(-1)).toBe(first);
    answer(waiting(service)[0]);
    expect(call.seen).toEqual(['ok', 'complete']);
  });
});

describe('a request that is too late for the server', () => {
  it('fails as a deadline that passed', async () => {
    const service = await serviceOf([A]);
    const call = make(service, { options: { retry: false } });
    refuse(sent(service)[0], 'expired');
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
    expect(call.error?.attempts).toMatchObject([{ node: A, outcome: 'rejected' }]);
  });
});
