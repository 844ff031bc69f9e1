import { describe, expect, it } from '@jest/globals';
import { isLoadBalancerError } from '../errors.js';
import { FakeService } from '../testing/fake-service.js';
import {
  A,
  after,
  answer,
  B,
  C,
  make,
  nodeOf,
  serviceOf,
  settled,
  useVirtualTime,
  waiting,
  type CallSpec,
} from './call.spec.fixture.js';
import type { CallStrategy } from './call-options.js';
import { MOST_OF_CALLS } from './service-strategies.js';

useVirtualTime();

function nodesOf(service: FakeService, calls: number, spec?: CallSpec): (string | undefined)[] {
  return Array.from({ length: calls }, () => {
    make(service, spec);
    const [request] = waiting(service);
    const node = nodeOf(service, request);
    answer(request);
    return node;
  });
}
const FIRST: CallStrategy = { name: 'pick-first', shuffle: false };

function problemOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return isLoadBalancerError(error) ? `${error.code} ${error.message}` : String(error);
  }
  return undefined;
}

describe('the strategy of a pattern', () => {
  it('chooses for its calls alone, and takes no turn of the others', async () => {
    const service = await serviceOf([A, B, C], { patterns: { lead: { strategy: FIRST } } });
    const before = nodesOf(service, 3);
    expect(nodesOf(service, 4, { pattern: 'lead' })).toEqual([A, A, A, A]);
    expect(nodesOf(service, 3)).toEqual(before);
    expect(new Set(before)).toEqual(new Set([A, B, C]));
  });

  it('sees the nodes come and go', async () => {
    const service = await serviceOf([A, B], { patterns: { lead: { strategy: FIRST } } });
    service.resolve(C, B);
    service.accept(C);
    await settled();
    expect(nodesOf(service, 2, { pattern: 'lead' })).toEqual([C, C]);
    service.transport(C).lose();
    await settled();
    expect(nodesOf(service, 2, { pattern: 'lead' })).toEqual([B, B]);
  });

  it('is refreshed though the strategy of the service need not be', async () => {
    const patterns = { cart: { strategy: 'ring-hash', hashKey: 'id' } };
    const service = await serviceOf([A], { outlierDetection: false, patterns });
    service.resolve(A, B, C);
    service.accept(B, C);
    await after(1_000);
    const nodes = Array.from(
      { length: 60 },
      (_, id) => nodesOf(service, 1, { pattern: 'cart', data: { id } })[0],
    );
    expect(new Set(nodes)).toEqual(new Set([A, B, C]));
  });

  it('is named in errors by where it stands', () => {
    const strategy = (): never => 'none' as never;
    expect(problemOf(() => new FakeService({ patterns: { p: { strategy } } }))).toBe(
      'INVALID_OPTIONS services.orders.patterns.p.strategy: "strategy" makes "none"; expected an object with update(nodes) and pick(call)',
    );
    expect(problemOf(() => new FakeService({ patterns: { p: { strategy: 'round-robbin' } } }))).toBe(
      'INVALID_OPTIONS services.orders.patterns.p.strategy: unknown strategy "round-robbin"; did you mean "round-robin"?',
    );
  });
});

describe('the strategy of a call', () => {
  it('wins over that of its pattern and service, also to go back to the one of the service', async () => {
    const service = await serviceOf([A, B, C], {
      strategy: FIRST,
      patterns: { spread: { strategy: 'round-robin' } },
    });
    const spread = (options: CallSpec['options']) =>
      nodesOf(service, 3, { pattern: 'spread', options: options ?? {} });
    expect(new Set(spread({}))).toEqual(new Set([A, B, C]));
    expect(spread({ strategy: FIRST })).toEqual([A, A, A]);
    expect(new Set(nodesOf(service, 3, { options: { strategy: 'round-robin' } }))).toEqual(
      new Set([A, B, C]),
    );
  });

  it('is shared by all calls with equal options, however they are written', async () => {
    const { strategies } = (await serviceOf([A, B], { patterns: { p: { strategy: FIRST } } })).upstream;
    const first = strategies.ofCall(FIRST, 'x');
    expect(strategies.ofCall({ shuffle: false, name: 'pick-first' }, 'x')).toBe(first);
    expect(strategies.ofCall('pick-first', 'x')).toBe(strategies.ofCall({ name: 'pick-first' }, 'x'));
    expect(strategies.ofCall('pick-first', 'x')).not.toBe(first);
    expect(strategies.nameOf(first)).toBe('pick-first');
  });

  it('is refused once calls have named too many, and those that are there go on', async () => {
    const { strategies } = (await serviceOf([A, B])).upstream;
    const nth = (n: number) =>
      strategies.ofCall(
        { name: 'weighted-round-robin', weights: 'reported', blackoutPeriod: n },
        'send(…).strategy',
      );
    const first = nth(0);
    for (let n = 1; n < MOST_OF_CALLS; n++) nth(n);
    expect(problemOf(() => nth(MOST_OF_CALLS))).toBe(
      'INVALID_OPTIONS send(…).strategy: calls have named 16 different strategies, and a service keeps no more; do not compute options from data',
    );
    expect(nth(0)).toBe(first);
    expect(problemOf(() => strategies.ofCall('round-robin', 'x'))).toBeUndefined();
  });

  it('is none of those while it is only explained', async () => {
    const { strategies } = (await serviceOf([A, B])).upstream;
    for (let n = 0; n < 2 * MOST_OF_CALLS; n++) {
      const named = { name: 'weighted-round-robin', weights: 'reported', blackoutPeriod: n } as const;
      const strategy = strategies.toExplain(named, 'x');
      expect(strategies.nameOf(strategy)).toBe('weighted-round-robin');
      expect(strategy.pick({ pattern: 'p', tried: undefined })).toBeDefined();
    }
    const first = strategies.ofCall('round-robin', 'x');
    expect(strategies.toExplain('round-robin', 'x')).toBe(first);
    expect(problemOf(() => strategies.toExplain('x', 'explain(…).strategy'))).toContain(
      'explain(…).strategy: unknown',
    );
  });

  it.each<[unknown, string]>([
    ['round-robbin', 'send(…).strategy: unknown strategy "round-robbin"; did you mean "round-robin"?'],
    [{ name: 'pick-first', shufle: 1 }, 'send(…).strategy.shufle: unknown option; did you mean "shuffle"?'],
    [
      () => 1,
      'send(…).strategy: expected the name of a strategy, or an object { name, … } of plain data, got a function',
    ],
    [
      { name: 'x', f: () => 1 },
      'send(…).strategy: expected the name of a strategy, or an object { name, … } of plain data, got an object',
    ],
    [
      {},
      'send(…).strategy.name: expected the name of a strategy (round-robin, pick-first, random, weighted-round-robin, least-request, peak-ewma, least-loaded, ring-hash, maglev), got undefined',
    ],
  ])('is refused when it is wrong: %p', async (named, message) => {
    const { strategies } = (await serviceOf([A])).upstream;
    const problem = problemOf(() => strategies.ofCall(named as CallStrategy, 'send(…).strategy'));
    expect(problem).toBe(`INVALID_OPTIONS ${message}`);
  });
});
