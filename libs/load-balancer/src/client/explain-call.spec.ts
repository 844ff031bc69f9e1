import { describe, expect, it } from '@jest/globals';
import type { RequestContext } from '../context/request-context.js';
import type { PickExplanation } from '../cluster/pick-explanation.js';
import type { FakeService } from '../testing/fake-service.js';
import {
  A,
  after,
  answer,
  B,
  C,
  eventsOf,
  LATE,
  lose,
  make,
  nodeOf,
  serviceOf,
  settled,
  useVirtualTime,
  waiting,
  type CallSpec,
} from './call.spec.fixture.js';
import { describeExplanation } from '../cluster/pick-explanation.js';
import { explainCall } from './explain-call.js';

useVirtualTime();

const D = '10.0.0.4:1';
const LEADER = { name: 'pick-first', shuffle: false } as const;

function explain({ upstream }: FakeService, spec: CallSpec = {}): PickExplanation {
  const { pattern = 'p', data = 'd', options = {}, context } = spec;
  const request = {
    kind: 'request' as const,
    pattern,
    data,
    options,
    context: context as RequestContext | undefined,
    contextForwarded: false,
  };
  return explainCall(upstream, request, upstream.rules.policyToExplain(request));
}

function nodeOfCall(service: FakeService, spec?: CallSpec): string | undefined {
  make(service, spec);
  const request = waiting(service).at(-1);
  const node = nodeOf(service, request);
  answer(request);
  return node;
}

const reasonsOf = ({ candidates }: PickExplanation): Record<string, string> =>
  Object.fromEntries(
    candidates.filter(({ eligible }) => !eligible).map(({ node, reason }) => [node, reason]),
  );

describe('explain()', () => {
  it('names the node of the next call, and for each other one why it is left out', async () => {
    const service = await serviceOf([A, B, C, D]);
    service.transport(B).lose();
    service.resolve(
      A,
      B,
      { host: '10.0.0.3', port: 1, weight: 0 },
      { host: '10.0.0.4', port: 1, draining: true },
    );
    await settled();
    const explanation = explain(service);
    expect(explanation).toMatchObject({ service: 'orders', pattern: 'p', choice: A, panic: false });
    expect(reasonsOf(explanation)).toEqual({
      [B]: 'read ECONNRESET',
      [C]: 'its weight is 0',
      [D]: 'its registry says that it is going away',
    });
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  it('tells which strategy decides, and whose option asked for it', async () => {
    const service = await serviceOf([A, B], { strategy: 'random', patterns: { lead: { strategy: LEADER } } });
    const strategyOf = (spec: CallSpec) => explain(service, spec).strategy;
    expect(strategyOf({})).toEqual({ name: 'random', from: 'service' });
    expect(strategyOf({ pattern: 'lead' })).toEqual({ name: 'pick-first', from: 'pattern' });
    expect(strategyOf({ pattern: 'lead', options: { strategy: 'maglev' } })).toEqual({
      name: 'maglev',
      from: 'call',
    });
  });

  it('tells that there is a hash key and the settings that apply, never the key', async () => {
    const patterns = { cart: { hashKey: 'customer', timeout: 300, retry: false, idempotent: true } } as const;
    const service = await serviceOf([A, B], { strategy: 'ring-hash', patterns, hedge: { delay: 20 } });
    const explanation = explain(service, { pattern: 'cart', data: { customer: 's3cret' } });
    expect(explanation).toMatchObject({
      hasHashKey: true,
      settings: { timeout: 300, maxAttempts: 1, hedged: true, idempotent: true, waitForReady: false },
    });
    expect(JSON.stringify(explanation)).not.toContain('s3cret');
    expect(explain(service)).toMatchObject({
      hasHashKey: false,
      settings: { timeout: 5_000, maxAttempts: 3 },
    });
    const hurried = { context: { deadline: performance.now() + 40 } };
    expect(explain(service, hurried).settings.timeout).toBe(40);
    expect(explain(service, { options: { timeout: 0 } }).settings.timeout).toBe(0);
  });

  const inZone = (zone: string, host: string, priority = 0) => ({ host, port: 1, zone, priority });

  it('tells who is out of the zone or of a lower priority, and who takes calls once nodes are gone', async () => {
    const service = await serviceOf([A, B, C, D], { locality: { zone: 'a', minNodes: 2 } });
    service.resolve(
      inZone('a', '10.0.0.1'),
      inZone('a', '10.0.0.2'),
      inZone('b', '10.0.0.3'),
      inZone('c', '10.0.0.4', 1),
    );
    expect(explain(service).basis).toBe('calls until its turn');
    expect(reasonsOf(explain(service))).toEqual({
      [C]: 'no calls go from zone a to zone b',
      [D]: 'priority 1 is not needed: those before it can carry all calls',
    });
    for (let i = 0; i < 4; i++) {
      const { choice } = explain(service);
      expect([A, B]).toContain(choice);
      expect(nodeOfCall(service)).toBe(choice);
    }

    service.transport(B).lose();
    await settled();
    // Two of three can carry 93 %, and the one that is left has its part of zone a's.
    expect(explain(service).basis).toBe(
      'priority 0, zone a (93 %): calls until its turn; priority 1 (7 %): calls until its turn',
    );
    expect(reasonsOf(explain(service))).toEqual({
      [B]: 'read ECONNRESET',
      [C]: 'no calls go from zone a to zone b',
    });
  });

  it('tells how many nodes are not in the subset of this client', async () => {
    const subset = { size: 2, clientId: 'me' };
    const service = await serviceOf([A, B, C, D], { subset });
    const explanation = { ...explain(service) };
    expect(explanation.known).toBe(4);
    expect(explanation.candidates).toHaveLength(2);
    expect(describeExplanation(explanation)).toContain('2 more: left out, not in the subset of this client');
    expect(describeExplanation(explain(await serviceOf([A, B])))).not.toContain('subset');
  });

  it('tells which part of its calls a node takes that has just come back', async () => {
    const service = await serviceOf([A, B], { slowStart: { window: 10_000 }, strategy: 'least-request' });
    service.transport(B).lose();
    await settled();
    service.accept(B);
    await after(2_000);
    const { candidates, choice } = explain(service);
    expect(choice).toBe(A);
    expect(candidates.find(({ node }) => node === B)).toMatchObject({
      eligible: true,
      remark: 'slow start: takes 20 % of the calls that would be its',
    });
  });

  it('says beforehand where each call goes, and moves no turn, not even that of a trial', async () => {
    const outlierDetection = { consecutiveFailures: 1, baseEjectionTime: 1_000, maxEjectionPercent: 100 };
    const service = await serviceOf([A, B, C], { outlierDetection });
    const first = make(service);
    const lost = nodeOf(service, waiting(service)[0])!;
    lose(service, waiting(service)[0]);
    service.accept(lost);
    await settled();
    expect(first.seen).toEqual(['CONNECTION_LOST']);
    expect(eventsOf(service, 'ejected')).toHaveLength(1);
    for (let i = 0; i < 6; i++) {
      const expected = Array.from({ length: i }, () => explain(service).choice).at(-1);
      const node = nodeOfCall(service);
      if (i > 0) expect(node).toBe(expected);
      expect(node).not.toBe(lost);
    }
    await after(2_000);
    for (let i = 0; i < 3; i++)
      expect(explain(service)).toMatchObject({ choice: lost, basis: expect.stringContaining('trial') });
    expect(nodeOfCall(service)).toBe(lost);
  });
});

describe('an error', () => {
  it('carries what the pick went by at that time, when that is asked for', async () => {
    const service = await serviceOf([A, B], { explainErrors: true, strategy: LEADER });
    const call = make(service);
    service.transport(B).lose();
    lose(service, waiting(service)[0]);
    await settled();
    expect(call.error).toMatchObject({ code: 'CONNECTION_LOST' });
    // B was still there when A was picked.
    expect(call.error?.explanation).toMatchObject({ choice: A, strategy: { name: 'pick-first' } });
    expect(call.error?.explanation?.candidates.map(({ eligible }) => eligible)).toEqual([true, true]);
    expect(call.error?.message).not.toContain('pick-first');
  });

  it('tells of the last pick, with the nodes that the call had been tried on', async () => {
    const service = await serviceOf([A, B], { strategy: LEADER });
    const call = make(service, {
      options: { explainErrors: true, idempotent: true, retry: { maxAttempts: 2 } },
    });
    lose(service, waiting(service)[0]);
    await after(50);
    lose(service, waiting(service)[0]);
    expect(call.error?.explanation).toMatchObject({ choice: B });
    expect(reasonsOf(call.error!.explanation!)[A]).toBeDefined();
  });

  it.each([
    ['NO_NODES', {}, async (service: FakeService) => service.transport(A).lose()],
    ['OVERLOADED', { limits: { maxInFlight: 1 } }, async (service: FakeService) => void make(service)],
    ['DEADLINE_EXCEEDED', { timeout: 50 }, async () => undefined],
  ])('explains %s', async (code, options, prepare) => {
    const service = await serviceOf([A], { explainErrors: true, ...options });
    await prepare(service);
    const call = make(service);
    await after(50 + LATE);
    expect(call.error?.code).toBe(code);
    expect(call.error?.explanation?.candidates).toHaveLength(1);
  });

  it('has no explanation unless it is asked for, and none that the call does not want', async () => {
    for (const service of [await serviceOf([A]), await serviceOf([A], { explainErrors: true })]) {
      const call = make(
        service,
        service.upstream.options.explainErrors ? { options: { explainErrors: false } } : {},
      );
      lose(service, waiting(service)[0]);
      expect(call.seen).toEqual(['CONNECTION_LOST']);
      expect(call.error).not.toHaveProperty('explanation');
    }
  });
});
