import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Observable } from 'rxjs';
import { FakeService } from '../testing/fake-service.js';
import type { FakeRequest } from '../testing/fake-transport.js';
import { BalancedCall } from './call.js';

beforeAll(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
});

afterAll(() => {
  jest.useRealTimers();
});

const A = '10.0.0.1:1';
const B = '10.0.0.2:1';
const C = '10.0.0.3:1';

const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

async function serviceOf(nodes: string[], options?: ConstructorParameters<typeof FakeService>[0]) {
  const service = new FakeService({ timeout: 200, ...options });
  service.resolve(...nodes);
  service.accept(...nodes);
  await after(0);
  return service;
}

/** Makes a call; what it ends with is the last entry. */
function make({ upstream }: FakeService, waitForReady = false): unknown[] {
  const seen: unknown[] = [];
  new Observable((subscriber) => {
    const request = {
      kind: 'request' as const,
      pattern: 'p',
      data: 1,
      options: { waitForReady },
      context: undefined,
      contextForwarded: false,
    };
    const call = new BalancedCall(upstream, request, subscriber);
    call.start();
    return call;
  }).subscribe({
    next: (value) => seen.push(value),
    error: ({ code }: { code: string }) => seen.push(code),
  });
  return seen;
}

/** Makes calls and answers those that do not go to a silent node. Returns the nodes they went to. */
function load(service: FakeService, calls: number, silent: string[] = []): string[] {
  const went: string[] = [];
  for (let i = 0; i < calls; i++) {
    make(service);
    const [node, request] = latest(service);
    if (!silent.includes(node)) request.reply.next('ok', true);
    went.push(node);
  }
  return went;
}

function latest({ transports }: FakeService): [string, FakeRequest] {
  const all = [...transports].flatMap(([key, made]) =>
    made.flatMap(({ requests }) => requests.map((request): [string, FakeRequest] => [key, request])),
  );
  return all.reduce((a, b) => (b[1].order > a[1].order ? b : a));
}

const ejections = ({ events }: FakeService) =>
  events.filter(({ type }) => type === 'ejected' || type === 'returned');

describe('a node that lets five calls in a row time out', () => {
  it('gets none until one has tried it and was answered', async () => {
    const service = await serviceOf([A, B, C]);
    load(service, 15, [A]);
    expect(service.status(A)).toBe('ready');
    await after(250);
    expect(service.status(A)).toBe('ejected');
    const reason = '5 calls in a row failed, the last one timed out';
    const until = expect.any(Date);
    expect(ejections(service)).toEqual([{ type: 'ejected', service: 'orders', node: A, reason, until }]);
    expect(service.upstream.snapshot()).toMatchObject({
      status: 'degraded',
      ready: 2,
      nodes: [{ key: A, status: 'ejected', reason }, { key: B }, { key: C }],
    });
    expect(load(service, 12)).not.toContain(A);

    await after(31_000);
    expect(load(service, 1)).toEqual([A]);
    expect(service.status(A)).toBe('ready');
    expect(ejections(service).at(-1)).toEqual({ type: 'returned', service: 'orders', node: A });
    expect(load(service, 12).filter((node) => node === A)).toHaveLength(4);
    await service.upstream.close();
  });

  it('is spared for longer when the call that tries it times out, too', async () => {
    const service = await serviceOf([A, B]);
    load(service, 10, [A]);
    await after(31_500);
    expect(load(service, 8, [A]).filter((node) => node === A)).toHaveLength(1);
    await after(31_000);
    expect(ejections(service).map((event) => 'reason' in event && event.reason)).toEqual([
      '5 calls in a row failed, the last one timed out',
      'its trial call timed out',
    ]);
    expect(load(service, 8)).not.toContain(A);
    await after(31_000);
    expect(load(service, 8)).toContain(A);
    await service.upstream.close();
  });

  it('stays when ejection is switched off', async () => {
    const service = await serviceOf([A, B], { outlierDetection: false });
    load(service, 40, [A]);
    await after(250);
    expect(service.status(A)).toBe('ready');
    await service.upstream.close();
  });

  it('stays when it was this process that was blocked while the deadlines passed', async () => {
    const service = await serviceOf([A, B]);
    load(service, 12, [A]);
    // The clock goes on, no timer fires, then all are overdue: as after a long turn of the event loop.
    const blocked = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 400);
    await after(110);
    blocked.mockRestore();
    // Until the wheel of deadlines, which knows no way back, is in step again.
    await after(400);
    expect(service.status(A)).toBe('ready');
    expect(service.events.filter(({ type }) => type === 'attempt-failed')).toHaveLength(6);
    await service.upstream.close();
  });
});

it('has nothing against a node whose streams go on until their deadline', async () => {
  const service = await serviceOf([A, B]);
  load(service, 20, [A, B]);
  for (const { reply } of service.requests) reply.next('a part', false);
  await after(250);
  expect([service.status(A), service.status(B)]).toEqual(['ready', 'ready']);
  await service.upstream.close();
});

it('has nothing against a node for calls that waited in vain for its connection', async () => {
  const service = new FakeService({ timeout: 200, connection: { eager: 0 } });
  service.resolve(A);
  for (let i = 0; i < 10; i++) make(service);
  await after(250);
  service.accept(A);
  await after(0);
  expect(service.status(A)).toBe('ready');
  await service.upstream.close();
});

describe('nodes that all let calls time out', () => {
  it('are used nevertheless: one may be out, and the only one never is of no use', async () => {
    const many = await serviceOf([A, B, C]);
    load(many, 30, [A, B, C]);
    await after(250);
    expect(ejections(many)).toHaveLength(1);
    await many.upstream.close();

    const single = await serviceOf([A]);
    load(single, 5, [A]);
    await after(250);
    expect(single.status(A)).toBe('ejected');
    expect(load(single, 3)).toEqual([A, A, A]);
    expect(single.events).toContainEqual({
      type: 'panic',
      service: 'orders',
      active: true,
      healthy: 0,
      total: 1,
    });
    await single.upstream.close();
  });

  it('are waited for without panic, and the call that waits is the one that tries', async () => {
    const service = await serviceOf([A], { panicThreshold: 0, timeout: 40_000 });
    load(service, 5, [A]);
    await after(40_100);
    expect(service.status(A)).toBe('ejected');
    const waiting = make(service, true);
    expect(waiting).toEqual([]);
    await after(31_000);
    const [node, { reply }] = latest(service);
    reply.next('ok', true);
    expect([node, waiting]).toEqual([A, ['ok']]);
    await service.upstream.close();
  });
});

it.each([
  [{ slowStart: { window: 10_000 } }, [0, 40]],
  [{}, [100, 100]],
])('with %j, a node that joins has of 300 calls at first from … to … %j', async (options, [least, most]) => {
  const service = await serviceOf([A, B], options);
  await after(20_000);
  service.resolve(A, B, C);
  service.accept(C);
  await after(0);
  const calls = (): number => load(service, 300).filter((node) => node === C).length;
  const early = calls();
  expect(early).toBeGreaterThanOrEqual(least!);
  expect(early).toBeLessThanOrEqual(most!);
  await after(10_000);
  expect(calls()).toBe(100);
  await service.upstream.close();
});

it('leaves no timer behind once the client is closed', async () => {
  const service = await serviceOf([A, B]);
  await service.upstream.close();
  await after(200);
  expect(jest.getTimerCount()).toBe(0);
});
