import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Observable, take } from 'rxjs';
import type { LoadBalancerError } from '../errors.js';
import { isLoadBalancerError } from '../errors.js';
import { FakeService } from '../testing/fake-service.js';
import type { FakeRequest } from '../testing/fake-transport.js';
import type { CallOptions } from './call-options.js';
import { BalancedCall } from './call.js';

// One virtual clock for the whole file: the deadlines of all calls hang on it.
beforeAll(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
});

afterAll(() => {
  jest.useRealTimers();
});

const A = '10.0.0.1:1';
const B = '10.0.0.2:1';
const C = '10.0.0.3:1';
/** A deadline may be this much late: a tick of the wheel and one of the timer. */
const LATE = 6;

const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const settled = (): Promise<void> => after(0);

interface CallSpec {
  kind?: 'request' | 'event';
  data?: unknown;
  options?: CallOptions;
  deadline?: number;
}

function callOf(
  service: FakeService,
  { kind = 'request', data = 'd', options = {}, deadline }: CallSpec = {},
) {
  return new Observable<unknown>((subscriber) => {
    const context = deadline === undefined ? undefined : ({ deadline } as any);
    const call = new BalancedCall(
      service.upstream,
      { kind, pattern: 'p', data, options, context, contextForwarded: false },
      subscriber,
    );
    call.start();
    return call;
  });
}

/** Makes the call and writes down what its caller sees. */
function make(service: FakeService, spec?: CallSpec) {
  const seen: unknown[] = [];
  const started = performance.now();
  const made = { seen, took: NaN, error: undefined as LoadBalancerError | undefined };
  const end = (): void => void (made.took = performance.now() - started);
  const subscription = callOf(service, spec).subscribe({
    next: (value) => seen.push(value),
    complete: () => {
      end();
      seen.push('complete');
    },
    error: (error: unknown) => {
      end();
      if (isLoadBalancerError(error)) made.error = error;
      seen.push(isLoadBalancerError(error) ? error.code : error);
    },
  });
  return Object.assign(made, { unsubscribe: () => subscription.unsubscribe() });
}

/** A service whose nodes are connected. */
async function serviceOf(nodes: string[], options?: ConstructorParameters<typeof FakeService>[0]) {
  const service = new FakeService(options);
  service.resolve(...nodes);
  service.accept(...nodes);
  await settled();
  return service;
}

const inFlight = (service: FakeService): number =>
  [...service.nodes].reduce((sum, node) => sum + node.inFlight, 0);

describe('a call', () => {
  it('goes to a node and is answered', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    expect(inFlight(service)).toBe(1);
    service.requests[0]!.reply.next(42, true);
    expect(call.seen).toEqual([42, 'complete']);
    expect(inFlight(service)).toBe(0);
  });

  it('may be answered by a stream, which its caller may leave', async () => {
    const service = await serviceOf([A]);
    const seen: unknown[] = [];
    callOf(service)
      .pipe(take(2))
      .subscribe((value) => seen.push(value));
    const [request] = service.requests;
    request!.reply.next(1, false);
    request!.reply.next(2, false);
    request!.reply.next(3, false);
    expect(seen).toEqual([1, 2]);
    expect(request!.waiting).toBe(false);
    expect(inFlight(service)).toBe(0);
  });

  it('hands on an application error as it came: that is an answer', async () => {
    const service = await serviceOf([A]);
    const call = make(service);
    const error = { status: 'error', message: 'no such city' };
    service.requests[0]!.reply.error(error);
    expect(call.seen).toEqual([error]);
    expect(service.upstream.snapshot().nodes[0]).toMatchObject({ status: 'ready', failures: 0, inFlight: 0 });
  });

  it('fails with what makes its message, and leaves the node in peace', async () => {
    const service = await serviceOf([A, B]);
    const error = new Error('the hook threw');
    service.buildPacket = () => {
      throw error;
    };
    expect(make(service).seen).toEqual([error]);
    expect(service.requests).toEqual([]);
    expect(inFlight(service)).toBe(0);
    expect(service.upstream.snapshot().nodes.map(({ failures }) => failures)).toEqual([0, 0]);
  });

  it('costs its node only the time that the node had it', async () => {
    const service = new FakeService();
    const call = make(service);
    await after(1_000);
    service.resolve(A);
    service.accept(A);
    await settled();
    await after(10);
    service.requests[0]!.reply.next(1, true);
    expect(call.seen).toEqual([1, 'complete']);
    expect(service.upstream.snapshot().nodes[0]?.latency).toBe(10);
  });
});

describe('a deadline', () => {
  it('ends the call and makes the node forget it', async () => {
    const service = await serviceOf([A]);
    const call = make(service, { options: { timeout: 300 } });
    await after(299);
    expect(call.seen).toEqual([]);
    await after(LATE);
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
    expect(call.error?.message).toMatch(
      /^orders: no answer within 300 ms: 10\.0\.0\.1:1 timed-out after 30\d ms: no answer yet/,
    );
    expect(call.error?.attempts).toEqual([expect.objectContaining({ node: A, outcome: 'timed-out' })]);
    expect(service.requests[0]!.waiting).toBe(false);
    service.requests[0]!.reply.next('late', true);
    expect(call.seen).toHaveLength(1);
    expect(service.upstream.snapshot().nodes[0]).toMatchObject({ failures: 1, inFlight: 0 });
  });

  it('ends a stream, however lively', async () => {
    const service = await serviceOf([A]);
    const call = make(service, { options: { timeout: 100 } });
    for (let i = 0; i < 5; i++) {
      service.requests[0]!.reply.next(i, false);
      await after(25);
    }
    expect(call.seen.at(-1)).toBe('DEADLINE_EXCEEDED');
  });

  it('is the nearer one of its own and the inherited one', async () => {
    const service = await serviceOf([A]);
    const inherited = make(service, { options: { timeout: 500 }, deadline: performance.now() + 100 });
    const own = make(service, { options: { timeout: 100 }, deadline: performance.now() + 500 });
    const onlyInherited = make(service, { options: { timeout: 0 }, deadline: performance.now() + 100 });
    await after(100 + LATE);
    expect([inherited.seen, own.seen, onlyInherited.seen].flat()).toEqual(Array(3).fill('DEADLINE_EXCEEDED'));
  });

  it('that has passed already lets nothing be sent', async () => {
    const service = await serviceOf([A]);
    const call = make(service, { deadline: performance.now() - 20 });
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
    expect(call.error?.message).toBe('orders: the deadline had passed before the call was made');
    expect(service.requests).toEqual([]);
  });

  it('is none with a timeout of 0', async () => {
    const service = await serviceOf([A]);
    const call = make(service, { options: { timeout: 0 } });
    await after(86_400_000);
    expect(call.seen).toEqual([]);
    call.unsubscribe();
  });

  it('tells the packet what is left of it', async () => {
    const service = new FakeService({ connection: { eager: 0 } });
    service.resolve(A);
    const left: unknown[] = [];
    service.buildPacket = ({ pattern, data }, remaining) => {
      left.push(remaining);
      return { pattern, data };
    };
    make(service, { options: { timeout: 1_000 } });
    await after(250);
    service.accept(A);
    await settled();
    make(service, { options: { timeout: 0 } }).unsubscribe();
    expect(left).toEqual([750, undefined]);
  });
});

describe('a signal', () => {
  it('cancels the call', async () => {
    const service = await serviceOf([A]);
    const controller = new AbortController();
    const call = make(service, { options: { signal: controller.signal } });
    const reason = new Error('the user left');
    controller.abort(reason);
    expect(call.seen).toEqual(['CANCELLED']);
    expect(call.error?.cause).toBe(reason);
    expect(service.requests[0]!.waiting).toBe(false);
    expect(inFlight(service)).toBe(0);
  });

  it('that was aborted before lets nothing be sent', async () => {
    const service = await serviceOf([A]);
    expect(make(service, { options: { signal: AbortSignal.abort() } }).seen).toEqual(['CANCELLED']);
    expect(service.requests).toEqual([]);
  });

  it.each([
    ['answered', async (service: FakeService) => service.requests[0]!.reply.next(1, true)],
    ['failed', async (service: FakeService) => service.requests[0]!.reply.error('no')],
    ['lost', async (service: FakeService) => service.transport(A).lose()],
    ['too late', () => after(10_000)],
    ['unsubscribed', async (_service: FakeService, call: ReturnType<typeof make>) => call.unsubscribe()],
  ])('is let go when the call is %s', async (_how, settle) => {
    const service = await serviceOf([A]);
    const listeners = new Set<unknown>();
    const signal = {
      aborted: false,
      addEventListener: (_type: string, listener: unknown) => listeners.add(listener),
      removeEventListener: (_type: string, listener: unknown) => listeners.delete(listener),
    } as unknown as AbortSignal;
    const call = make(service, { options: { signal } });
    expect(listeners.size).toBe(1);
    await settle(service, call);
    expect(listeners.size).toBe(0);
  });
});

describe('a node that refuses', () => {
  it('is passed over without the caller noticing', async () => {
    const service = await serviceOf([A, B, C]);
    const calls = Array.from({ length: 6 }, (_, data) => make(service, { data }));
    const onA = service.transport(A).requests.length;
    expect(onA).toBe(2);
    service.transport(A).lose(new Error('gone'), () => false);
    await settled();
    for (const request of service.requests.filter(({ waiting }) => waiting)) request.reply.next('ok', true);
    expect(calls.flatMap(({ seen }) => seen)).toEqual(Array(6).fill(['ok', 'complete']).flat());
    expect(inFlight(service)).toBe(0);
  });

  it('is told of with its reason when there is no other', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service);
    for (const key of [A, B, A]) {
      const transport = service.transport(key);
      if (transport.waiting.length > 0) transport.lose(new Error(`${key} is going`), () => false);
    }
    expect(call.seen).toEqual(['CONNECT_FAILED']);
    expect(call.error?.attempts.map(({ node, outcome }) => [node, outcome])).toEqual(
      expect.arrayContaining([
        [A, 'refused'],
        [B, 'refused'],
      ]),
    );
    expect(call.error?.message).toContain(`${A} refused after 0 ms: ${A} is going`);
    expect((call.error?.cause as Error).message).toMatch(/is going$/);
  });

  it('gets the call again when it has come back and the call may wait', async () => {
    const service = await serviceOf([A], { waitForReady: true });
    const call = make(service, { options: { timeout: 60_000 } });
    service.transport(A).lose(new Error('restarting'), () => false);
    await after(100);
    service.transport(A).refuse();
    await after(5_000);
    service.accept(A);
    await settled();
    expect(call.seen).toEqual([]);
    service.transport(A).requests[0]!.reply.next('ok', true);
    expect(call.seen).toEqual(['ok', 'complete']);
  });

  it('does not use up the stack, however many there are', async () => {
    const service = new FakeService({ connection: { eager: 0 }, tls: {} });
    const nodes = Array.from({ length: 3_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}:1`);
    service.resolve(...nodes);
    // As `tls.connect` does with a bad certificate.
    jest.spyOn(service.transports, 'set').mockImplementation(() => {
      throw new Error('bad certificate');
    });
    const call = make(service, { options: { timeout: 0 } });
    await after(0);
    for (let i = 0; i < nodes.length && call.seen.length === 0; i++) await Promise.resolve();
    await after(0);
    expect(call.seen).toEqual(['CONNECT_FAILED']);
    expect(call.error?.attempts).toHaveLength(nodes.length);
    expect(call.error?.message).toContain('and 2995 more');
    await service.upstream.close();
  });
});

describe('a connection that is lost', () => {
  it('fails what was sent: it may have been processed', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service, { data: 1 });
    const node = service.transport(A).requests.length > 0 ? A : B;
    service.transport(node).lose(new Error('read ECONNRESET'));
    expect(call.seen).toEqual(['CONNECTION_LOST']);
    expect(call.error?.message).toContain(`the connection to ${node} was lost after the call was sent`);
    expect(call.error?.message).toContain('read ECONNRESET');
    expect(service.requests).toHaveLength(1);
  });

  it('never repeats a stream that has begun', async () => {
    const service = await serviceOf([A, B]);
    const call = make(service);
    service.requests[0]!.reply.next(1, false);
    const node = service.transport(A).requests.length > 0 ? A : B;
    service.transport(node).lose(new Error('gone'), () => false);
    expect(call.seen).toEqual([1, 'CONNECTION_LOST']);
    expect(service.requests).toHaveLength(1);
  });

  it('is known to whoever repeats the call at once', async () => {
    const service = await serviceOf([A, B]);
    const again: { seen: unknown[] }[] = [];
    callOf(service).subscribe({ error: () => again.push(make(service)) });
    const node = service.transport(A).requests.length > 0 ? A : B;
    service.transport(node).lose();
    const other = node === A ? B : A;
    expect(service.transport(other).requests).toHaveLength(1);
    service.transport(other).requests[0]!.reply.next('ok', true);
    expect(again[0]!.seen).toEqual(['ok', 'complete']);
  });
});

describe('with no node to use', () => {
  it('waits for those that connect for the first time', async () => {
    const service = new FakeService();
    service.resolve(A, B);
    const call = make(service);
    await after(100);
    expect(call.seen).toEqual([]);
    service.transport(A).refuse();
    service.accept(B);
    await settled();
    service.transport(B).requests[0]!.reply.next('ok', true);
    expect(call.seen).toEqual(['ok', 'complete']);
  });

  it('waits for the resolver to tell its first nodes', async () => {
    const service = new FakeService();
    const call = make(service);
    await after(100);
    expect(call.seen).toEqual([]);
    service.failToResolve('no such file');
    expect(call.seen).toEqual(['NO_NODES']);
    expect(call.error?.message).toBe('orders: no node is known for fake:///orders (no such file)');
  });

  it('fails at once when every node has failed, with the reason of each', async () => {
    const service = new FakeService();
    service.resolve(A, B);
    service.transport(A).refuse(new Error('refused'));
    service.transport(B).refuse(new Error('timed out'));
    await settled();
    const call = make(service);
    expect(call.seen).toEqual(['NO_NODES']);
    expect(call.error?.message).toBe(
      `orders: no node can take the call: ${A} is disconnected (refused); ${B} is disconnected (timed out)`,
    );
  });

  it('fails when those that it waited for have failed', async () => {
    const service = new FakeService();
    service.resolve(A);
    const call = make(service);
    service.transport(A).refuse();
    await settled();
    expect(call.seen).toEqual(['NO_NODES']);
  });

  it('waits until its deadline with waitForReady', async () => {
    const service = new FakeService();
    service.resolve(A);
    service.transport(A).refuse();
    await settled();
    const call = make(service, { options: { waitForReady: true, timeout: 500 } });
    await after(499);
    expect(call.seen).toEqual([]);
    await after(LATE);
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
    expect(call.error?.message).toBe(
      'orders: no answer within 500 ms: while waiting for a node: 10.0.0.1:1 is disconnected (connect ECONNREFUSED)',
    );
  });

  it('opens the connection of an idle node, and all who wait for it share its fate', async () => {
    const service = new FakeService({ connection: { eager: 0 } });
    service.resolve(A);
    const calls = Array.from({ length: 3 }, () => make(service));
    expect(service.transports.get(A)).toHaveLength(1);
    service.transport(A).refuse();
    await settled();
    expect(calls.map(({ seen }) => seen)).toEqual([['CONNECT_FAILED'], ['NO_NODES'], ['NO_NODES']]);
    expect(inFlight(service)).toBe(0);
  });
});

describe('an event', () => {
  it('is done when it is handed over', async () => {
    const service = await serviceOf([A]);
    const call = make(service, { kind: 'event', data: 'e' });
    await settled();
    expect(call.seen).toEqual([undefined, 'complete']);
    expect(service.transport(A).events).toEqual([{ pattern: 'p', data: 'e' }]);
    expect(inFlight(service)).toBe(0);
  });

  it('that the connection did not take goes to another node', async () => {
    const service = await serviceOf([A, B]);
    service.transport(A).state = 'closed';
    const calls = [make(service, { kind: 'event' }), make(service, { kind: 'event' })];
    await settled();
    expect(calls.map(({ seen }) => seen)).toEqual(Array(2).fill([undefined, 'complete']));
    expect(service.transport(B).events).toHaveLength(2);
  });

  it('fails with what its serializer throws', async () => {
    const service = await serviceOf([A]);
    const error = new Error('cannot serialize');
    service.transport(A).serializerError = error;
    const call = make(service, { kind: 'event' });
    await settled();
    expect(call.seen).toEqual([error]);
  });
});

describe('a subscriber', () => {
  it('may leave while the call waits for a node', async () => {
    const service = new FakeService();
    const call = make(service);
    call.unsubscribe();
    service.resolve(A);
    service.accept(A);
    await settled();
    expect(service.requests).toEqual([]);
    await service.upstream.close();
  });

  it('may leave while its node connects', async () => {
    const service = new FakeService({ connection: { eager: 0 } });
    service.resolve(A);
    const call = make(service);
    expect(inFlight(service)).toBe(1);
    call.unsubscribe();
    expect(inFlight(service)).toBe(0);
    service.accept(A);
    await settled();
    expect(service.requests).toEqual([]);
  });

  it('that throws harms no other call', async () => {
    const service = await serviceOf([A]);
    const other = make(service);
    const errors: unknown[] = [];
    callOf(service).subscribe({
      next: () => {
        throw new Error('a bug of the caller');
      },
      error: (error: unknown) => errors.push(error),
    });
    // rxjs reports it on a timer of its own.
    expect(() => service.requests[1]!.reply.next(1, true)).not.toThrow();
    expect(() => jest.runOnlyPendingTimers()).toThrow('a bug of the caller');
    service.requests[0]!.reply.next(2, true);
    expect(other.seen).toEqual([2, 'complete']);
    expect(inFlight(service)).toBe(0);
  });
});

describe('whatever happens in whatever order', () => {
  const keys = [A, B, C];
  const index = fc.nat({ max: 7 });
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('call' as const),
        kind: fc.constantFrom('request' as const, 'request' as const, 'event' as const),
        timeout: fc.constantFrom(20, 100, 1_000),
        waitForReady: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('answer' as const),
        index,
        how: fc.constantFrom('last', 'next', 'complete', 'error'),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('accept' as const), all: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('refuse' as const), index }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('lose' as const), index, written: fc.nat({ max: 3 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('resolve' as const),
        nodes: fc.subarray(keys, { minLength: 1 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('abort' as const, 'unsubscribe' as const), index }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 30, 400) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('unmakeable' as const) }) },
  );
  /** Many begin with all nodes there; some end with the client being closed. */
  const story = fc
    .tuple(fc.boolean(), fc.array(step, { minLength: 5, maxLength: 50, size: 'max' }), fc.boolean())
    .map(([ready, steps, closed]): Step[] => [
      ...(ready
        ? [
            { do: 'resolve' as const, nodes: keys },
            { do: 'accept' as const, all: true },
          ]
        : []),
      ...(ready ? [{ do: 'pass' as const, ms: 0 as const }] : []),
      ...steps,
      ...(closed ? [{ do: 'close' as const }] : []),
    ]);
  type Step = (typeof step extends fc.Arbitrary<infer T> ? T : never) | { do: 'close' };

  /** A call with all that is checked of it. */
  interface Watched {
    readonly timeout: number;
    readonly controller: AbortController;
    readonly made: ReturnType<typeof make>;
    left: boolean;
  }

  async function play(steps: readonly Step[], options: ConstructorParameters<typeof FakeService>[0]) {
    const service = new FakeService(options);
    const calls: Watched[] = [];
    const strays: string[] = [];
    /** What each call has sent, and whether it is known not to have been written. */
    const unwritten = new Set<FakeRequest>();
    const watch = (): void => {
      for (const [key, transports] of service.transports) {
        for (const transport of transports) {
          const { request } = transport;
          transport.request = (packet, reply) => {
            if (service.upstream.cluster.nodes.get(key)?.handle.channel.transport !== transport)
              strays.push(key);
            return request.call(transport, packet, reply);
          };
        }
      }
    };
    const connecting = () =>
      [...service.transports.values()].flat().filter(({ state }) => state === 'connecting');
    const open = () => [...service.transports.values()].flat().filter(({ state }) => state === 'open');
    const waiting = () => service.requests.filter((request) => request.waiting);
    const at = <T>(list: T[], i: number): T | undefined => list[i % Math.max(1, list.length)];
    let closing: Promise<void> | undefined;

    for (const current of steps) {
      switch (current.do) {
        case 'call': {
          const controller = new AbortController();
          const { kind, timeout, waitForReady } = current;
          const callOptions = { timeout, waitForReady, signal: controller.signal };
          const made = make(service, { kind, data: calls.length, options: callOptions });
          calls.push({ timeout, controller, made, left: false });
          break;
        }
        case 'answer': {
          const request = at(waiting(), current.index);
          if (!request) break;
          if (current.how !== 'next') request.waiting = false;
          if (current.how === 'error') request.reply.error('application error');
          else if (current.how === 'complete') request.reply.complete();
          else request.reply.next('answer', current.how === 'last');
          break;
        }
        case 'accept':
          for (const transport of current.all ? connecting() : connecting().slice(0, 1)) transport.accept();
          break;
        case 'refuse':
          at(connecting(), current.index)?.refuse();
          break;
        case 'lose': {
          const transport = at(open(), current.index);
          transport?.lose(new Error('lost'), (request) => {
            const written = transport.requests.indexOf(request) < current.written;
            if (!written) unwritten.add(request);
            return written;
          });
          break;
        }
        case 'resolve':
          service.resolve(...current.nodes);
          break;
        case 'abort':
          at(calls, current.index)?.controller.abort();
          break;
        case 'unsubscribe': {
          const call = at(calls, current.index);
          if (call && ends(call.made.seen).length === 0) call.left = true;
          call?.made.unsubscribe();
          break;
        }
        case 'pass':
          await after(current.ms);
          break;
        case 'unmakeable': {
          const { buildPacket } = service;
          service.buildPacket = () => {
            service.buildPacket = buildPacket;
            throw new Error('unmakeable');
          };
          break;
        }
        case 'close':
          closing = service.upstream.close();
          break;
      }
      watch();
      if (current.do !== 'pass') await Promise.resolve();
    }
    await after(2_000);
    return { service, calls, strays, unwritten, closing };
  }

  const ends = (seen: unknown[]): unknown[] =>
    seen.filter((value) => value !== 'answer' && value !== undefined);

  it.each([
    ['connected at start', {}],
    ['connected when first used', { connection: { eager: 1 } }],
    ['probed', { healthCheck: { interval: 200, timeout: 50 } }],
  ])('each call settles once and in time, and leases are given back (nodes %s)', async (_how, options) => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        const { service, calls, strays, unwritten, closing } = await play(steps, options);

        for (const { made, timeout, left } of calls) {
          // Only a caller that has left sees no end.
          expect(ends(made.seen)).toHaveLength(left ? 0 : 1);
          if (left) continue;
          expect(made.seen.at(-1)).toBe(ends(made.seen)[0]);
          expect(made.took).toBeLessThanOrEqual(timeout + LATE);
        }
        for (const node of service.nodes) expect(node.inFlight).toBe(0);
        expect(strays).toEqual([]);
        // At most once: whatever was not certainly unwritten is a call's only one.
        const written = service.requests.filter((request) => !unwritten.has(request) && !isProbe(request));
        const data = written.map(({ packet }) => packet.data);
        expect(new Set(data).size).toBe(data.length);

        await closing;
        await service.upstream.close();
        expect(connectionsLeft(service)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  const isProbe = ({ packet }: FakeRequest): boolean => typeof packet.pattern !== 'string';
  const connectionsLeft = (service: FakeService): number =>
    [...service.transports.values()].flat().filter(({ state }) => state !== 'closed').length;
});
