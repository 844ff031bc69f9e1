import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Observable } from 'rxjs';
import { FakeService } from '../testing/fake-service.js';
import type { CallOptions } from './call-options.js';
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
const D = '10.0.0.4:1';

const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const settled = (): Promise<void> => after(0);

function make({ upstream }: FakeService, options: CallOptions = {}): unknown[] {
  const seen: unknown[] = [];
  new Observable((subscriber) => {
    const request = {
      kind: 'request' as const,
      pattern: 'p',
      data: 1,
      options,
      context: undefined,
      contextForwarded: false,
    };
    const call = new BalancedCall(upstream, request, subscriber);
    call.start();
    return call;
  }).subscribe({
    next: (value) => seen.push(value),
    complete: () => seen.push('complete'),
    error: ({ code, message }: { code: string; message: string }) => seen.push(code, message),
  });
  return seen;
}

async function serviceOf(nodes: string[], options?: ConstructorParameters<typeof FakeService>[0]) {
  const service = new FakeService(options);
  service.resolve(...nodes);
  service.accept(...nodes);
  await settled();
  return service;
}

const types = ({ events }: FakeService): string[] =>
  events.map((event) => ('node' in event ? `${event.type} ${event.node}` : event.type));

describe('membership', () => {
  it('lets calls that wait, and whoever is told of it, use any of the nodes that come', async () => {
    const service = new FakeService();
    const waiting = [make(service), make(service), make(service)];
    const told: unknown[][] = [];
    service.onEvent(({ type }) => {
      if (type === 'node-added' || type === 'node-removed') told.push(make(service));
    });
    service.resolve(A, B, C);
    service.resolve(B, D);
    service.accept(B, D);
    await settled();
    for (const { reply, waiting: open } of service.requests) if (open) reply.next('ok', true);
    expect([...waiting, ...told]).toEqual(Array(9).fill(['ok', 'complete']));
  });

  it('is told of once every node is in place', async () => {
    const service = new FakeService({ connection: { eager: 1 } });
    service.resolve(A, B);
    expect(types(service)).toEqual([`node-added ${A}`, `node-status ${A}`, `node-added ${B}`, 'resolved']);
    service.events.length = 0;
    service.resolve(A, B);
    expect(service.events).toEqual([]);
    service.resolve(B, C);
    // The place of A among the eager ones is free for C, which is new.
    expect(types(service)).toEqual([`node-removed ${A}`, `node-added ${C}`, `node-status ${C}`, 'resolved']);
    expect(service.transport(A).state).toBe('closed');
    await service.upstream.close();
  });

  it('keeps the connection of who stays', async () => {
    const service = await serviceOf([A, B]);
    const transport = service.transport(A);
    service.resolve(C, A);
    expect(service.transport(A)).toBe(transport);
    expect(transport.state).toBe('open');
  });

  it('lets a node that leaves finish what it has been sent', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    service.resolve(B);
    expect(service.transport(A).state).toBe('open');
    service.transport(A).requests[0]!.reply.next('ok', true);
    expect(call).toEqual(['ok', 'complete']);
    expect(service.transport(A).state).toBe('closed');
  });

  it('takes calls to another node that waited for the connection of one that leaves', async () => {
    const service = new FakeService({ connection: { eager: 0 } });
    service.resolve(A);
    const call = make(service);
    service.resolve(B);
    service.accept(B);
    await settled();
    expect(service.transport(A).state).toBe('closed');
    service.transport(B).requests[0]!.reply.next('ok', true);
    expect(call).toEqual(['ok', 'complete']);
  });
});

describe('availability', () => {
  it('is told when the first node is ready and when the last one is lost', async () => {
    const service = await serviceOf([A, B]);
    expect(service.availability).toEqual([true]);
    service.transport(A).lose();
    expect(service.availability).toEqual([true]);
    service.transport(B).lose();
    expect(service.availability).toEqual([true, false]);
    service.accept(A);
    await settled();
    expect(service.availability).toEqual([true, false, true]);
    service.resolve(B);
    expect(service.availability).toEqual([true, false, true, false]);
  });

  it('is denied when no node was ever reached', async () => {
    const service = new FakeService();
    service.resolve(A);
    service.transport(A).refuse();
    await settled();
    expect(service.availability).toEqual([false]);
  });
});

/** Milliseconds after an outage from which delays grow as usual. */
const LONG_READY = 31_000;

describe('without a ready node', () => {
  const connection = { backoff: { initial: 1_000, multiplier: 10, jitter: 0, max: 100_000 } };

  /** How often each node was connected to within the next so many milliseconds, while all refuse. */
  async function attempts(service: FakeService, time: number): Promise<number[]> {
    const made = (): number[] => [...service.transports.values()].map(({ length }) => length);
    const before = made();
    for (let passed = 0; passed < time; passed += 100) {
      for (const key of service.transports.keys()) service.transport(key).refuse();
      await after(100);
    }
    return made().map((count, index) => count - before[index]!);
  }

  it('nodes are looked for once a second, for as long as it takes', async () => {
    const service = new FakeService({ connection });
    service.resolve(A, B);
    for (const made of await attempts(service, 30_000)) {
      expect(made).toBeGreaterThan(25);
      expect(made).toBeLessThanOrEqual(30);
    }
    await service.upstream.close();
  });

  it('of many nodes together ten are looked for a second', async () => {
    const service = new FakeService({ connection });
    service.resolve(...Array.from({ length: 40 }, (_, index) => `10.0.1.${index}:1`));
    await attempts(service, 12_000);
    const made = await attempts(service, 20_000);
    const perSecond = made.reduce((sum, count) => sum + count, 0) / 20;
    expect(perSecond).toBeGreaterThan(8);
    expect(perSecond).toBeLessThanOrEqual(10);
    await service.upstream.close();
  });

  it('those that were given up for long are looked for at once again', async () => {
    const service = new FakeService({ connection });
    service.resolve(A, B);
    service.accept(A);
    await after(LONG_READY);
    service.transport(B).refuse();
    await after(1_100);
    service.transport(B).refuse();
    await after(1_000);
    expect(service.transports.get(B)).toHaveLength(2);

    service.transport(A).lose();
    await after(1_100);
    expect(service.transports.get(B)).toHaveLength(3);
    await service.upstream.close();
  });

  it('is no reason to hurry while another node is ready', async () => {
    const service = await serviceOf([A], { connection });
    await after(LONG_READY);
    service.resolve(A, B);
    service.transport(B).refuse();
    await after(1_100);
    service.transport(B).refuse();
    await after(5_000);
    expect(service.transports.get(B)).toHaveLength(2);
    await service.upstream.close();
  });

  it('one that comes back later than the first is found as soon, too', async () => {
    const service = new FakeService({ connection });
    service.resolve(A, B);
    await attempts(service, 20_000);
    await after(1_100);
    service.accept(A);
    await settled();
    expect(service.status(A)).toBe('ready');
    for (let second = 0; second < 10; second++) {
      const before = service.transports.get(B)!.length;
      service.transport(B).refuse();
      await after(1_100);
      expect(service.transports.get(B)!.length).toBe(before + 1);
    }
    await service.upstream.close();
  });

  it('a node of weight 0 is none', async () => {
    const service = new FakeService({ connection });
    service.resolve({ host: '10.0.0.1', port: 1, weight: 0 });
    service.accept(A);
    await settled();
    expect(service.status(A)).toBe('ready');
    expect(service.availability).toEqual([]);
    service.resolve({ host: '10.0.0.1', port: 1, weight: 1 });
    expect(service.availability).toEqual([true]);
    service.resolve({ host: '10.0.0.1', port: 1, weight: 0 });
    expect(service.availability).toEqual([true, false]);
    await service.upstream.close();
  });
});

describe('ready()', () => {
  it('resolves with the first node that calls can go to', async () => {
    const service = new FakeService();
    let ready = false;
    const waiting = service.upstream.ready().then(() => (ready = true));
    service.resolve(A, B);
    service.transport(A).refuse();
    await settled();
    expect(ready).toBe(false);
    service.accept(B);
    await settled();
    await waiting;
    expect(ready).toBe(true);
  });

  it('rejects once it is known that there is none', async () => {
    const service = new FakeService();
    service.resolve(A);
    const ready = service.upstream.ready();
    service.transport(A).refuse();
    await expect(ready).rejects.toMatchObject({ code: 'NO_NODES', service: 'orders' });
    await expect(service.upstream.ready()).rejects.toMatchObject({ code: 'NO_NODES' });
  });

  it('rejects when it is closed meanwhile', async () => {
    const service = new FakeService();
    const ready = service.upstream.ready();
    void service.upstream.close();
    await expect(ready).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });
});

describe('an idle connection', () => {
  const options = {
    connection: { eager: 0, idleTimeout: 1_000 },
    healthCheck: { interval: 300, timeout: 100 },
  };
  /** The probe is answered, too. */
  const come = async (service: FakeService): Promise<void> => {
    service.accept(A);
    await after(1);
    for (const { packet, reply } of service.transport(A).requests)
      if (typeof packet.pattern === 'object') reply.error('no such handler');
  };

  it('is closed, opened by the next call, and probed again', async () => {
    const service = new FakeService(options);
    service.resolve(A);
    const first = make(service);
    await come(service);
    for (const { packet, reply } of service.transport(A).requests)
      if (packet.pattern === 'p') reply.next('ok', true);
    expect(first).toEqual(['ok', 'complete']);
    for (let i = 0; i < 30; i++) {
      await after(100);
      for (const { packet, reply } of service.transport(A).requests)
        if (typeof packet.pattern === 'object') reply.error('no such handler');
    }
    expect(service.status(A)).toBe('idle');

    const calls = [make(service), make(service)];
    await come(service);
    expect(service.status(A)).toBe('ready');
    await settled();
    for (const { packet, reply } of service.transport(A).requests)
      if (packet.pattern === 'p') reply.next('again', true);
    expect(calls).toEqual(Array(2).fill(['again', 'complete']));
    await service.upstream.close();
  });
});

describe('closing', () => {
  it('refuses new calls and finishes those in flight', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    let closed = false;
    const closing = service.upstream.close().then(() => (closed = true));
    expect(make(service)).toEqual([
      'CLIENT_CLOSED',
      'orders: the client is closed; connect() opens it again',
    ]);
    await after(1_000);
    expect(closed).toBe(false);
    expect(service.transport(A).state).toBe('open');
    service.transport(A).requests[0]!.reply.next('ok', true);
    await closing;
    expect(call).toEqual(['ok', 'complete']);
    expect(service.transport(A).state).toBe('closed');
  });

  it('is awaited by whoever closes, however often', async () => {
    const service = await serviceOf([A]);
    make(service, { timeout: 500 });
    let ended = 0;
    const all = [service.upstream.close(), service.upstream.close()].map((each) => each.then(() => ended++));
    await after(400);
    expect(ended).toBe(0);
    await after(200);
    await Promise.all(all);
    expect(ended).toBe(2);
  });

  it('waits no longer than a call may take, then fails what is left, wherever it is', async () => {
    const service = await serviceOf([A], { timeout: 0, connection: { eager: 1 } });
    service.resolve(A, B);
    // One on a node, one on a connection that is being made.
    const inTurn = [make(service), make(service)];
    expect(service.transport(A).state).toBe('open');
    expect(service.transport(B).state).toBe('connecting');
    // The node leaves with its call.
    service.resolve(B);
    expect(service.transport(A).state).toBe('open');
    const waiting = make(service, { waitForReady: true });
    const closing = service.upstream.close();
    await after(5_100);
    await closing;
    expect(inTurn.map(([code]) => code).sort()).toEqual(['CLIENT_CLOSED', 'CONNECTION_LOST']);
    expect(waiting[0]).toBe('CLIENT_CLOSED');
    expect(service.transport(A).state).toBe('closed');
    expect(service.transport(B).state).toBe('closed');
    for (const node of service.nodes) expect(node.inFlight).toBe(0);
  });

  it('leaves no timer, and no node that looks ready', async () => {
    const before = jest.getTimerCount();
    const service = await serviceOf([A, B], { healthCheck: { interval: 1_000 } });
    service.transport(B).lose();
    await service.upstream.close();
    await after(200);
    expect(jest.getTimerCount()).toBe(before);
    expect(service.upstream.snapshot().nodes.map(({ status, reason }) => [status, reason])).toEqual(
      Array(2).fill(['disconnected', 'the client was closed']),
    );
    expect(service.availability.at(-1) ?? false).toBe(false);
  });
});

it('says what the resolver complains of, in the log and as an event', () => {
  const service = new FakeService();
  service.failToResolve('no such file');
  expect(service.logs).toEqual(['orders: fake:///orders: no such file']);
  expect(service.events).toEqual([
    { type: 'resolve-failed', service: 'orders', target: 'fake:///orders', reason: 'no such file' },
  ]);
});

it('says what of a set cannot be used, in the log and as an event, and uses the rest', () => {
  const service = new FakeService();
  service.resolvePartly([A], 'b: not JSON text');
  expect(service.logs).toEqual(['orders: fake:///orders: b: not JSON text']);
  expect(service.events).toContainEqual({
    type: 'resolve-warning',
    service: 'orders',
    target: 'fake:///orders',
    warning: 'b: not JSON text',
  });
  expect(service.upstream.snapshot()).toMatchObject({ total: 1, discovery: { warning: 'b: not JSON text' } });
});

it('tells when a target works again, though its nodes are the same', () => {
  const service = new FakeService();
  service.resolve(A);
  service.resolve(A);
  service.failToResolve('no such file');
  service.resolve(A);
  expect(types(service).filter((type) => type.startsWith('resolve'))).toEqual([
    'resolved',
    'resolve-failed',
    'resolved',
  ]);
});

it('tells of every attempt that failed', async () => {
  const service = await serviceOf([A]);
  make(service);
  service.events.length = 0;
  service.transport(A).lose(new Error('read ECONNRESET'));
  expect(service.events).toContainEqual({
    type: 'attempt-failed',
    service: 'orders',
    node: A,
    outcome: 'lost',
    reason: 'read ECONNRESET',
  });
});
