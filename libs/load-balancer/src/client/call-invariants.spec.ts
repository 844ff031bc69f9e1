import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { ServiceOptions } from '../module/options.js';
import type { FakeService } from '../testing/fake-service.js';
import type { FakeRequest } from '../testing/fake-transport.js';
import type { MadeCall } from './call.spec.fixture.js';
import {
  A,
  after,
  answer,
  armed,
  B,
  C,
  eventsOf,
  fail,
  LATE,
  make,
  nodeOf,
  refuse,
  sent,
  serviceOf,
  useVirtualTime,
  waiting,
} from './call.spec.fixture.js';
import { BalancedCall } from './call.js';

useVirtualTime();
afterEach(() => {
  jest.restoreAllMocks();
});

const NODES = [A, B, C];
const which = fc.nat({ max: 7 });
const whatTheServerSays = fc.constantFrom(undefined, 0, 40, 100_000, 'never' as const);

/** Whatever may happen, as often as it takes for most stories to have some of each. */
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      kind: fc.constantFrom('request' as const, 'request' as const, 'request' as const, 'event' as const),
      idempotent: fc.boolean(),
      timeout: fc.constantFrom(30, 200, 1_500),
      waitForReady: fc.boolean(),
      isRetry: fc.nat({ max: 9 }).map((n) => n === 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('answer' as const, 'part' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('fail' as const), which, pushBack: whatTheServerSays }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('overloaded' as const), which, pushBack: whatTheServerSays }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('draining' as const), which, notice: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expired' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('lose' as const), which, written: fc.nat({ max: 4 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('accept' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turn down' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('notice' as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('resolve' as const),
      nodes: fc.subarray(NODES, { minLength: 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('abort' as const, 'leave' as const), which }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 15, 60, 300) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const story = fc.array(step, { minLength: 10, maxLength: 80, size: 'max' });

/** A call with what is checked of it. */
interface Watched {
  readonly made: MadeCall;
  readonly timeout: number;
  readonly idempotent: boolean;
  readonly controller: AbortController;
  left: boolean;
}

const BUDGET = { ratio: 0.2, minPerSecond: 0.05, ttl: 60_000 };
const RESERVE = 3;
/** Attempts for a call by default. */
const MOST = 3;
const hedgesOf = ({ hedge }: Partial<ServiceOptions>): number => (hedge ? (hedge.maxAttempts ?? 2) - 1 : 0);

/** Plays the story, watches what must never happen on the way, and returns what there is to look at in the end. */
async function play(steps: readonly Step[], options: Partial<ServiceOptions>) {
  const service = await serviceOf(NODES, { retry: { budget: BUDGET }, ...options });
  const calls: Watched[] = [];
  const wrong: string[] = [];
  /** How each attempt ended, if it was not answered. */
  const fate = new Map<FakeRequest, 'unwritten' | 'lost' | 'rejected' | 'draining'>();
  /** How many attempts there were for each call when its caller saw a first part of the answer. */
  const begun = new Map<unknown, number>();
  const admitted: unknown[] = [];
  watchPicks(service, wrong);
  watchAdmissions(admitted);
  const look = (): void => checkLimits(service, options, wrong);
  const at = <T>(list: readonly T[], i: number): T | undefined => list[i % Math.max(1, list.length)];
  const transports = (state: string) =>
    [...service.transports.values()].flat().filter((transport) => transport.state === state);
  const withWaiting = (i: number, use: (request: FakeRequest) => void): void => {
    const request = at(waiting(service), i);
    if (request) use(request);
  };

  for (const current of steps) {
    switch (current.do) {
      case 'call': {
        const { kind, idempotent, timeout, waitForReady, isRetry } = current;
        const controller = new AbortController();
        const callOptions = { idempotent, timeout, waitForReady, signal: controller.signal };
        const made = make(service, { kind, data: calls.length, options: callOptions, context: { isRetry } });
        calls.push({ made, timeout, idempotent, controller, left: false });
        break;
      }
      case 'answer':
        withWaiting(current.which, (request) => answer(request));
        break;
      case 'part':
        withWaiting(current.which, ({ packet, reply }) => {
          reply.next('part', false);
          const { data } = packet;
          if (!begun.has(data))
            begun.set(data, sent(service).filter((each) => each.packet.data === data).length);
        });
        break;
      case 'fail':
        withWaiting(current.which, (request) =>
          fail(
            request,
            'handler',
            current.pushBack === undefined ? undefined : { retryAfter: current.pushBack },
          ),
        );
        break;
      case 'overloaded':
        withWaiting(current.which, (request) => {
          fate.set(request, 'rejected');
          refuse(request, 'overloaded', current.pushBack);
        });
        break;
      case 'draining':
        withWaiting(current.which, (request) => {
          fate.set(request, 'draining');
          if (current.notice) service.transport(nodeOf(service, request)!).tell({ draining: true });
          if (request.waiting) refuse(request, 'draining');
        });
        break;
      case 'expired':
        withWaiting(current.which, (request) => {
          fate.set(request, 'rejected');
          refuse(request, 'expired');
        });
        break;
      case 'lose':
        at(transports('open'), current.which)?.lose(new Error('lost'), (request) => {
          const written = request.order % 5 < current.written;
          fate.set(request, written ? 'lost' : 'unwritten');
          return written;
        });
        break;
      case 'accept':
        for (const transport of transports('connecting')) transport.accept();
        break;
      case 'turn down':
        at(transports('connecting'), current.which)?.refuse();
        break;
      case 'notice':
        at(transports('open'), current.which)?.tell({ draining: true });
        break;
      case 'resolve':
        service.resolve(...current.nodes);
        break;
      case 'abort':
        at(calls, current.which)?.controller.abort();
        break;
      case 'leave': {
        const call = at(calls, current.which);
        if (call && endsOf(call).length === 0) call.left = true;
        call?.made.unsubscribe();
        break;
      }
      case 'pass':
        await after(current.ms);
        break;
    }
    look();
    if (current.do !== 'pass') await Promise.resolve();
  }
  await after(1_500 + LATE);
  return { service, calls, wrong, fate, begun, admitted };
}

const endsOf = ({ made }: Watched): unknown[] =>
  made.seen.filter((value) => value !== 'part' && value !== 'ok' && value !== undefined);

/** Every attempt goes to a node that may be picked: a member that is ready or idle, or one that is ejected where that is due. */
function watchPicks({ upstream }: FakeService, wrong: string[]): void {
  const { cluster } = upstream;
  const { pick } = cluster;
  cluster.pick = (call, limit) => {
    const node = pick.call(cluster, call, limit);
    if (node && cluster.nodes.get(node.key) !== node) wrong.push(`${node.key} is no member`);
    const until = node?.snapshot().ejectedUntil;
    const excused = node?.status === 'ejected' && (cluster.panic || (until && +until <= Date.now()));
    if (node && node.status !== 'ready' && node.status !== 'idle' && !excused)
      wrong.push(`${node.key} is ${node.status}`);
    return node;
  };
}

/** The order in which calls get a place. */
function watchAdmissions(admitted: unknown[]): void {
  const { admit } = BalancedCall.prototype;
  jest.spyOn(BalancedCall.prototype, 'admit').mockImplementation(function (this: BalancedCall, now) {
    if (!this.hasPlace) admitted.push((this as unknown as { request: { data: unknown } }).request.data);
    admit.call(this, now);
  });
}

function checkLimits({ upstream, nodes }: FakeService, { limits }: Partial<ServiceOptions>, wrong: string[]) {
  if (!limits) return;
  const { maxInFlight = Infinity, maxInFlightPerNode = Infinity, queue } = limits;
  const { admission } = upstream.rules as unknown as {
    admission: { queue: { size: number }; limit: { inFlight: number } };
  };
  if (admission.limit.inFlight > maxInFlight) wrong.push('more calls than maxInFlight');
  const capacity = typeof queue === 'object' ? queue.size : (queue ?? 0);
  if (admission.queue.size > capacity) wrong.push('more calls wait than the queue holds');
  for (const node of nodes) if (node.inFlight > maxInFlightPerNode) wrong.push(`${node.key} has too many`);
}

const variants: [string, Partial<ServiceOptions>][] = [
  ['with retries', {}],
  ['with errors of handlers retried, too', { retry: { budget: BUDGET, retryOn: () => true } }],
  ['with hedges', { hedge: { delay: 20, maxAttempts: 3 } }],
  ['with connections opened when first used', { connection: { eager: 1 }, hedge: { delay: 20 } }],
  ['with limits', { limits: { maxInFlight: 4, queue: 3 } }],
  [
    'with limits for nodes, too, and hedges',
    {
      limits: { maxInFlight: 5, maxInFlightPerNode: 2, queue: { size: 3, drop: 'oldest' } },
      hedge: { delay: 20 },
    },
  ],
];

describe.each(variants)('whatever happens in whatever order (%s)', (_how, options) => {
  it('every invariant holds', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        const { service, calls, wrong, fate, begun, admitted } = await play(steps, options);
        expect(wrong).toEqual([]);

        for (const call of calls) {
          const { made, timeout, left } = call;
          // It settles exactly once, and in time; only a caller that has left sees no end.
          expect(endsOf(call)).toHaveLength(left ? 0 : 1);
          if (left) continue;
          expect(made.seen.at(-1)).toBe(endsOf(call)[0]);
          expect(made.took).toBeLessThanOrEqual(timeout + LATE);
        }

        // Leases in equal leases out, and nothing is left behind.
        for (const node of service.nodes) expect(node.inFlight).toBe(0);
        expect(waiting(service)).toEqual([]);
        expect(armed()).toBe(0);

        for (const [index, { idempotent }] of calls.entries()) {
          const requests = sent(service).filter(({ packet }) => packet.data === index);
          const count = (...fates: unknown[]): number =>
            requests.filter((request) => fates.includes(fate.get(request))).length;
          // What may have been processed is not sent again unless that is harmless.
          const doubtful = requests.findIndex((request) => [undefined, 'lost'].includes(fate.get(request)));
          if (!idempotent && doubtful >= 0) expect(doubtful).toBe(requests.length - 1);
          // What the caller has seen a part of is not sent again.
          expect(begun.get(index) ?? requests.length).toBe(requests.length);
          // Attempts are bounded; what was never processed goes on for free, once if it was refused for lack of capacity.
          const free = count('unwritten', 'draining') + Math.min(1, count('rejected'));
          expect(requests.length - free).toBeLessThanOrEqual(MOST + hedgesOf(options));
        }
        const paid = eventsOf(service, 'retry').length + eventsOf(service, 'hedge').length;
        expect(paid).toBeLessThanOrEqual(Math.floor(RESERVE + BUDGET.ratio * calls.length));

        // First come, first served.
        expect(admitted).toEqual([...new Set(admitted as number[])].sort((a, b) => a - b));

        void service.upstream.close();
        await after(0);
        jest.restoreAllMocks();
      }),
      { numRuns: 100 },
    );
  });
});
