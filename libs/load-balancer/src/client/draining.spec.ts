import { describe, expect, it } from '@jest/globals';
import type { MadeCall } from './call.spec.fixture.js';
import {
  A,
  after,
  answer,
  answerProbes,
  B,
  C,
  eventsOf,
  inFlight,
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

const several = (service: Awaited<ReturnType<typeof serviceOf>>, count: number): MadeCall[] =>
  Array.from({ length: count }, () => make(service));

describe('a node whose server says that it is about to stop', () => {
  it('gets no new calls, and finishes what it has', async () => {
    const service = await serviceOf([A, B]);
    const calls = several(service, 2);
    const onA = sent(service).find((request) => nodeOf(service, request) === A);
    const connection = service.transport(A);
    connection.tell({ draining: true });
    expect(service.status(A)).toBe('draining');
    expect(eventsOf(service, 'node-status').at(-1)).toMatchObject({
      node: A,
      to: 'draining',
      reason: 'its server says that it is about to stop',
    });
    several(service, 4);
    expect(nodesAsked(service).slice(2)).toEqual([B, B, B, B]);
    expect(connection.state).toBe('open');
    answer(onA);
    expect(connection.state).toBe('closed');
    expect(calls.some(({ seen }) => seen[0] === 'ok')).toBe(true);
  });

  it('is let go at once when it has nothing to finish, and connected again', async () => {
    const service = await serviceOf([A, B]);
    const connection = service.transport(A);
    connection.tell({ draining: true });
    expect(connection.state).toBe('closed');
    expect(service.status(A)).toBe('disconnected');
    await after(1_500);
    const next = service.transport(A);
    expect(next).not.toBe(connection);
    next.accept();
    await settled();
    expect(service.status(A)).toBe('ready');
    several(service, 2);
    expect(new Set(nodesAsked(service))).toEqual(new Set([A, B]));
  });

  it('may say so as often as it likes', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service);
    const draining = service.transport(nodeOf(service, sent(service)[0])!);
    for (let i = 0; i < 3; i++) draining.tell({ draining: true, load: { inFlight: i } });
    expect(eventsOf(service, 'node-status').filter(({ to }) => to === 'draining')).toHaveLength(1);
    answer(sent(service)[0]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(draining.state).toBe('closed');
  });

  it('is another server after a loss of the connection: that one is not reset', async () => {
    const service = await serviceOf([A]);
    make(service);
    service.transport(A).tell({ draining: true });
    service.transport(A).lose();
    service.accept(A);
    await settled();
    expect(service.status(A)).toBe('ready');
    make(service);
    answer(waiting(service)[0]);
    expect(service.transport(A).state).toBe('open');
  });

  it('leaves the service for good when it is removed meanwhile', async () => {
    const service = await serviceOf([A, B]);
    several(service, 2);
    const connection = service.transport(A);
    connection.tell({ draining: true });
    service.resolve(B);
    for (const request of waiting(service)) answer(request);
    expect(connection.state).toBe('closed');
    await after(5_000);
    expect(service.transport(A)).toBe(connection);
  });

  it('says so in the answer to a probe, too', async () => {
    const service = await serviceOf([A], { healthCheck: { interval: 200, timeout: 100 } });
    answerProbes(service, {});
    await after(1);
    answerProbes(service, {});
    expect(service.status(A)).toBe('ready');
    const connection = service.transport(A);
    await after(250);
    answerProbes(service, { draining: true });
    expect(connection.state).toBe('closed');
    await service.upstream.close();
  });
});

describe('a call that is refused since the server is about to stop', () => {
  it('goes to another node at once, whatever it costs the budget and its attempts', async () => {
    const service = await serviceOf([A, B, C], {
      retry: { maxAttempts: 1, budget: { ratio: 0, minPerSecond: 0 } },
    });
    const marks: boolean[] = [];
    service.buildPacket = ({ pattern, data }, _remaining, isRetry) => {
      marks.push(isRetry);
      return { pattern, data };
    };
    const call = make(service);
    refuse(waiting(service)[0], 'draining');
    refuse(waiting(service)[0], 'draining');
    answer(waiting(service)[0]);
    expect(call.seen).toEqual(['ok', 'complete']);
    expect(nodesAsked(service).sort()).toEqual([A, B, C]);
    expect(marks).toEqual([false, false, false]);
    expect(inFlight(service)).toBe(0);
  });

  it('fails when there is no other, and says why', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    const [request] = sent(service);
    service.transport(A).tell({ draining: true });
    refuse(request, 'draining');
    expect(call.seen).toEqual(['NO_NODES']);
    expect(call.error?.message).toMatch(
      /^orders: every node that was tried is draining: 10\.0\.0\.1:1 rejected after 0 ms: the server is draining$/,
    );
  });

  it('waits for the next server if it may', async () => {
    const service = await serviceOf([A], { waitForReady: true });
    const call = make(service);
    const [request] = sent(service);
    service.transport(A).tell({ draining: true });
    refuse(request, 'draining');
    expect(call.seen).toEqual([]);
    await after(1_500);
    service.accept(A);
    await settled();
    answer(waiting(service)[0]);
    expect(call.seen).toEqual(['ok', 'complete']);
  });
});

describe('what a server says of its load', () => {
  it('is shown with the node', async () => {
    const service = await serviceOf([A]);
    service.transport(A).tell({ load: { inFlight: 12, latency: 3 } });
    expect(service.upstream.snapshot().nodes[0]?.load).toEqual({ inFlight: 12, latency: 3 });
    expect(service.status(A)).toBe('ready');
  });
});
