import { describe, expect, it } from '@jest/globals';
import type { MadeCall } from './call.spec.fixture.js';
import {
  A,
  after,
  answer,
  B,
  C,
  eventsOf,
  fail,
  inFlight,
  LATE,
  lose,
  make,
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
type Service = Awaited<ReturnType<typeof serviceOf>>;
/** Ends the call that is under way. */
type End = (service: Service, call: MadeCall) => unknown;

const several = (service: Service, count: number, spec?: Parameters<typeof make>[1]): MadeCall[] =>
  Array.from({ length: count }, (_, data) => make(service, { data, ...spec }));
const seen = (calls: MadeCall[]): unknown[] => calls.map((call) => call.seen);
/** The data of what was sent, in order. */
const order = (service: Service): unknown[] => sent(service).map(({ packet }) => packet.data);

describe('a limit to the calls of a service', () => {
  it('turns away at once what is too much', async () => {
    const service = await serviceOf([A, B], { limits: { maxInFlight: 2 } });
    const calls = several(service, 3);
    expect(seen(calls)).toEqual([[], [], ['OVERLOADED']]);
    expect(calls[2]!.error?.message).toBe('orders: as many calls as its limits allow are under way');
    expect(sent(service)).toHaveLength(2);
  });

  it.each([
    ['is answered', (service: Service) => answer(waiting(service)[0])],
    ['fails', (service: Service) => fail(waiting(service)[0], 'no')],
    ['is left', (_service: Service, call: MadeCall) => call.unsubscribe()],
    ['is lost', (service: Service) => lose(service, waiting(service)[0])],
    ['is too late', () => after(100 + LATE)],
  ] satisfies [string, End][])('has room again when a call %s', async (_how, end: End) => {
    const service = await serviceOf([A, B], { limits: { maxInFlight: 1 } });
    await end(service, make(service, { options: { timeout: 100 } }));
    await settled();
    const next = make(service, { data: 'next' });
    answer(waiting(service)[0]);
    expect(next.seen).toEqual(['ok', 'complete']);
  });

  it('counts a call once, however many attempts it makes', async () => {
    const service = await serviceOf([A, B], { limits: { maxInFlight: 2 }, hedge: { delay: 50 } });
    make(service, IDEMPOTENT);
    await after(50 + LATE);
    expect(sent(service)).toHaveLength(2);
    expect(seen(several(service, 2))).toEqual([[], ['OVERLOADED']]);
  });

  it('counts a call that backs off or waits for a node', async () => {
    const service = await serviceOf([A, B], { limits: { maxInFlight: 1 } });
    make(service, IDEMPOTENT);
    lose(service, sent(service)[0]);
    expect(make(service).seen).toEqual(['OVERLOADED']);
  });

  it('counts events, too', async () => {
    const service = await serviceOf([A], { limits: { maxInFlight: 1 } });
    const calls = several(service, 2, { kind: 'event' });
    await settled();
    expect(seen(calls)).toEqual([[undefined, 'complete'], ['OVERLOADED']]);
  });
});

describe('the queue', () => {
  it('is served in the order of arrival', async () => {
    const service = await serviceOf([A, B], { limits: { maxInFlight: 2, queue: 10 } });
    const calls = several(service, 6);
    expect(order(service)).toEqual([0, 1]);
    while (waiting(service).length > 0) answer(waiting(service)[0]);
    expect(order(service)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(seen(calls)).toEqual(Array(6).fill(['ok', 'complete']));
  });

  it('is not overtaken by a call that its caller makes when another ends', async () => {
    const service = await serviceOf([A], { limits: { maxInFlight: 1, queue: 10 } });
    const first = make(service, { data: 'first' });
    make(service, { data: 'second' });
    const { seen: ofFirst } = first;
    const push = ofFirst.push.bind(ofFirst);
    ofFirst.push = (...values) => {
      if (values[0] === 'complete') make(service, { data: 'third' });
      return push(...values);
    };
    while (waiting(service).length > 0) answer(waiting(service)[0]);
    expect(order(service)).toEqual(['first', 'second', 'third']);
  });

  it('turns away the one that comes when it is full, or the one that has waited longest', async () => {
    const fair = await serviceOf([A], { limits: { maxInFlight: 1, queue: 2 } });
    expect(seen(several(fair, 4))).toEqual([[], [], [], ['OVERLOADED']]);
    const fresh = await serviceOf([A], { limits: { maxInFlight: 1, queue: { size: 2, drop: 'oldest' } } });
    expect(seen(several(fresh, 4))).toEqual([[], ['OVERLOADED'], [], []]);
  });

  it('lets nobody wait beyond the deadline, and keeps no place for who has left', async () => {
    const service = await serviceOf([A], { limits: { maxInFlight: 1, queue: 2 } });
    make(service, { options: { timeout: 0 } });
    const late = make(service, { data: 'late', options: { timeout: 100 } });
    const gone = make(service, { data: 'gone' });
    await after(100 + LATE);
    expect(late.seen).toEqual(['DEADLINE_EXCEEDED']);
    expect(late.error?.message).toContain('while waiting for its turn');
    gone.unsubscribe();
    expect(seen(several(service, 3))).toEqual([[], [], ['OVERLOADED']]);
    answer(waiting(service)[0]);
    answer(waiting(service)[0]);
    expect(order(service)).toEqual(['d', 0, 1]);
    answer(waiting(service)[0]);
    expect(inFlight(service)).toBe(0);
  });

  it('goes on when those whose turn has come fail at once', async () => {
    const service = await serviceOf([A], { limits: { maxInFlight: 1, queue: 1_000 }, timeout: 60_000 });
    const calls = several(service, 1_001);
    service.transport(A).lose();
    expect(seen(calls)).toEqual([['CONNECTION_LOST'], ...Array(1_000).fill(['NO_NODES'])]);
  });
});

describe('a limit to each node', () => {
  const limits = { maxInFlightPerNode: 1, queue: 10 };

  it('passes over a node that is full', async () => {
    const service = await serviceOf([A, B, C], { strategy: 'pick-first', limits });
    several(service, 3);
    expect(nodesAsked(service).sort()).toEqual([A, B, C]);
  });

  it('turns away what no node has room for, when there is no queue', async () => {
    const service = await serviceOf([A, B], { limits: { maxInFlightPerNode: 1 } });
    expect(seen(several(service, 3))).toEqual([[], [], ['OVERLOADED']]);
  });

  it.each([
    ['is answered', (service: Service) => answer(waiting(service)[0])],
    ['is left', (_service: Service, call: MadeCall) => call.unsubscribe()],
    ['is too late', () => after(100 + LATE)],
  ] satisfies [string, End][])('lets the next one in when a call %s', async (_how, end: End) => {
    const service = await serviceOf([A], { limits });
    const first = make(service, { data: 'first', options: { timeout: 100 } });
    make(service, { data: 'second', options: { timeout: 1_000 } });
    expect(order(service)).toEqual(['first']);
    await end(service, first);
    expect(order(service)).toEqual(['first', 'second']);
  });

  it('lets the next one in while a call backs off from the node', async () => {
    const service = await serviceOf([A], { limits });
    make(service, { data: 'first' });
    make(service, { data: 'second' });
    refuse(waiting(service)[0], 'overloaded', 1_000);
    expect(order(service)).toEqual(['first', 'second']);
  });

  it('lets the next one in when a stream goes on without its hedge', async () => {
    const service = await serviceOf([A, B], { limits, hedge: { delay: 50 } });
    make(service, { data: 'hedged', ...IDEMPOTENT });
    await after(50 + LATE);
    make(service, { data: 'next' });
    expect(order(service)).toEqual(['hedged', 'hedged']);
    waiting(service)[0]!.reply.next(1, false);
    expect(order(service)).toEqual(['hedged', 'hedged', 'next']);
  });

  it('keeps the order of those that wait, whatever changes meanwhile', async () => {
    const service = await serviceOf([A], { limits });
    several(service, 4);
    service.resolve(A, B);
    service.transport(B).refuse();
    await settled();
    make(service, { data: 4 });
    while (waiting(service).length > 0) answer(waiting(service)[0]);
    expect(order(service)).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets those that wait go to a node that comes', async () => {
    const service = await serviceOf([A], { limits });
    several(service, 3);
    service.resolve(A, B);
    service.accept(B);
    await settled();
    expect(nodesAsked(service).sort()).toEqual([A, B]);
    expect(order(service)).toEqual([0, 1]);
  });

  it('keeps hedges off a node that is full', async () => {
    const service = await serviceOf([A, B], { strategy: 'pick-first', limits, hedge: { delay: 50 } });
    several(service, 2, IDEMPOTENT);
    await after(500);
    expect(sent(service)).toHaveLength(2);
    expect(eventsOf(service, 'hedge')).toEqual([]);
  });

  it('lets a retry wait for room', async () => {
    const service = await serviceOf([A, B], { strategy: 'pick-first', limits });
    const call = make(service, { data: 'lost', ...IDEMPOTENT });
    make(service, { data: 'other' });
    lose(service, sent(service)[0]);
    await after(100);
    expect(waiting(service)).toHaveLength(1);
    answer(waiting(service)[0]);
    answer(waiting(service)[0]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(order(service)).toEqual(['lost', 'other', 'lost']);
  });
});

describe('an adaptive limit', () => {
  const adaptive = { initial: 20, min: 2 };

  /** Keeps `load` calls under way for `rounds`, each of which takes `latency`; returns how many were let in, at most. */
  async function run(service: Service, load: number, rounds: number, latency: number): Promise<number> {
    let most = 0;
    for (let round = 0; round < rounds; round++) {
      several(service, load - waiting(service).length);
      most = Math.max(most, waiting(service).length);
      await after(latency);
      for (const request of waiting(service)) answer(request);
    }
    return most;
  }

  it('grows while latency is good, and falls when calls begin to take longer', async () => {
    const service = await serviceOf([A, B], { limits: { adaptive, queue: 0 } });
    expect(await run(service, 20, 20, 50)).toBe(20);
    const grown = await run(service, 100, 60, 50);
    expect(grown).toBeGreaterThan(30);
    await run(service, 100, 20, 1_000);
    several(service, 100);
    expect(waiting(service).length).toBeLessThan(grown / 2);
  });

  it('never lets in more than maxInFlight', async () => {
    const service = await serviceOf([A, B], { limits: { adaptive: true, maxInFlight: 12, queue: 0 } });
    expect(await run(service, 20, 60, 50)).toBe(12);
  });

  it('takes the wait for a node for nobody’s latency', async () => {
    const service = await serviceOf([A], {
      limits: { adaptive, queue: 0 },
      waitForReady: true,
      timeout: 60_000,
    });
    await run(service, 20, 20, 50);
    const { length } = several(service, 100).filter(({ seen: [first] }) => first === undefined);
    for (const request of waiting(service)) answer(request);
    service.transport(A).lose();
    service.transport(A).refuse();
    for (let round = 0; round < 3; round++) {
      several(service, length);
      await after(1_500);
      service.accept(A);
      await after(50);
      for (const request of waiting(service)) answer(request);
      service.transport(A).lose();
      service.transport(A).refuse();
    }
    await after(30_000);
    service.accept(A);
    await settled();
    several(service, 100);
    expect(waiting(service).length).toBeGreaterThanOrEqual(length);
  });
});

it('a call that may have been processed is not said to be turned away, with nothing processed', async () => {
  const service = await serviceOf([A, B], { limits: { maxInFlightPerNode: 1 } });
  const [call] = several(service, 2, IDEMPOTENT);
  lose(service, waiting(service)[0]);
  // The back-off is over: the other node is full, and there is no queue.
  await after(100);
  expect(call!.seen).toEqual(['CONNECTION_LOST']);
});
