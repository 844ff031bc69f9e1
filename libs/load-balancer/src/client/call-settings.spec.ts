import { describe, expect, it } from '@jest/globals';
import type { FakeService } from '../testing/fake-service.js';
import {
  A,
  after,
  answer,
  answerProbes,
  B,
  LATE,
  lose,
  make,
  sent,
  serviceOf,
  settled,
  useVirtualTime,
  waiting,
} from './call.spec.fixture.js';
import type { CallOptions } from './call-options.js';
import type { CallPolicy, CallSettings } from './call-settings.js';
import { callPolicy, policyOf as policyOver, retryPolicyOver, withoutRetries } from './call-settings.js';
import { RoundRobin } from '../strategies/round-robin.js';
import { HedgePolicy } from '../resilience/hedge-policy.js';
import { HedgePolicies } from './hedge-policies.js';
import type { UpstreamNode } from './upstream-node.js';

useVirtualTime();

const RETRY = { maxAttempts: 3, retryOn: undefined, backoff: { initial: 50, multiplier: 2, max: 1_000 } };
const SETTINGS: CallSettings = {
  timeout: 5_000,
  retry: RETRY,
  hedge: undefined,
  strategy: undefined,
  idempotent: undefined,
  hashKey: undefined,
};
const NAMED = new RoundRobin<UpstreamNode>({ now: () => 0, random: () => 0 });

const callPolicyOf = (settings: CallSettings) =>
  callPolicy(
    settings,
    () => undefined,
    () => NAMED,
    (hedge) => new HedgePolicy(hedge),
    () => undefined,
  );

const policyOf = (base: CallPolicy, options: CallOptions): CallPolicy =>
  policyOver(base, options, new HedgePolicies(() => undefined), () => NAMED);

describe('the policy of a call', () => {
  it('is the very one of its service when it has no options of its own: nothing is allocated', () => {
    const base = callPolicyOf(SETTINGS);
    expect(policyOf(base, {})).toBe(base);
    expect(policyOf(base, { signal: new AbortController().signal, metadata: {} })).toBe(base);
  });

  it('takes each option of the call over that of the service', () => {
    const base = callPolicyOf({ ...SETTINGS, hedge: { delay: 10 }, idempotent: true });
    expect(policyOf(base, { timeout: 0 })).toEqual({ ...base, timeout: 0 });
    expect(policyOf(base, { idempotent: false })).toEqual({ ...base, idempotent: false });
    expect(policyOf(base, { hedge: false }).hedge).toBeUndefined();
    expect(policyOf(base, { timeout: 1 }).hedge).toBe(base.hedge);
    expect(policyOf(base, { strategy: 'random' })).toEqual({ ...base, strategy: NAMED });
    expect(policyOf(base, { retry: { maxAttempts: 5 } }).retry).toEqual({ ...RETRY, maxAttempts: 5 });
  });

  it('has one attempt without retries, and as many as the call says where the service has none', () => {
    expect(policyOf(callPolicyOf(SETTINGS), { retry: false }).retry).toEqual({ ...RETRY, maxAttempts: 1 });
    const without = callPolicyOf({ ...SETTINGS, retry: withoutRetries(RETRY) });
    expect(policyOf(without, { retry: { maxAttempts: 2 } }).retry.maxAttempts).toBe(2);
    expect(policyOf(without, { retry: { retryOn: ['X'] } }).retry.maxAttempts).toBe(1);
  });

  it('has a back-off that never ends before it begins', () => {
    const { backoff } = retryPolicyOver(RETRY, { backoff: { initial: 3_000 } });
    expect(backoff).toEqual({ initial: 3_000, multiplier: 2, max: 3_000 });
    expect(retryPolicyOver(RETRY, { backoff: { max: 60 } }).backoff).toEqual({ ...RETRY.backoff, max: 60 });
  });
});

describe('options of a pattern', () => {
  const QUOTE = { cmd: 'quote' };

  /** Milliseconds after which a call gives up. */
  async function timeoutOf(service: FakeService, spec: Parameters<typeof make>[1]): Promise<number> {
    const call = make(service, spec);
    await after(2_000);
    expect(call.seen).toEqual(['DEADLINE_EXCEEDED']);
    return call.took;
  }

  it.each([
    ['a string', 'quote', 'quote'],
    ['an object', '{"cmd":"quote"}', QUOTE],
    ['an object laid out otherwise', '{ "cmd" : "quote" }', QUOTE],
    ['text that looks like an object', '{quote', '{quote'],
  ])('hold for the pattern alone: %s', async (_what, text, pattern) => {
    const service = await serviceOf([A], { timeout: 1_000, patterns: { [text]: { timeout: 100 } } });
    expect(await timeoutOf(service, { pattern })).toBeLessThanOrEqual(100 + LATE);
    expect(await timeoutOf(service, { pattern: 'other' })).toBeGreaterThanOrEqual(1_000);
    expect(await timeoutOf(service, { pattern: { cmd: 'other' } })).toBeGreaterThanOrEqual(1_000);
  });

  it('give way to those of the call', async () => {
    const service = await serviceOf([A], { timeout: 1_000, patterns: { quote: { timeout: 500 } } });
    const took = await timeoutOf(service, { pattern: 'quote', options: { timeout: 100 } });
    expect(took).toBeLessThanOrEqual(100 + LATE);
  });

  it('make its calls idempotent, and allow each its own retries', async () => {
    const service = await serviceOf([A, B], {
      patterns: {
        often: { idempotent: true },
        once: { idempotent: true, retry: false },
        hedged: { idempotent: true, hedge: { delay: 50 } },
      },
    });
    const calls = ['often', 'once'].map((pattern) => make(service, { pattern }));
    for (const key of [A, B]) {
      service.transport(key).lose();
      service.accept(key);
    }
    await after(100);
    answer(waiting(service)[0]);
    expect(calls.map(({ seen }) => seen)).toEqual([['ok', 'complete'], ['CONNECTION_LOST']]);
    make(service, { pattern: 'hedged' });
    await after(50 + LATE);
    expect(waiting(service)).toHaveLength(2);
  });
});

describe('a handler that its provider has marked idempotent', () => {
  /** A service whose nodes tell that `quote` is idempotent. */
  async function marked(options: Parameters<typeof serviceOf>[1] = {}): Promise<FakeService> {
    const service = await serviceOf([A, B], { healthCheck: { interval: 1_000, timeout: 100 }, ...options });
    await after(2);
    answerProbes(service, { idempotent: ['quote'] });
    expect(service.status(A)).toBe('ready');
    return service;
  }
  const attemptsOf = async (service: FakeService, spec: Parameters<typeof make>[1]): Promise<number> => {
    const before = sent(service).length;
    make(service, spec);
    lose(service, sent(service).at(-1));
    await after(100);
    return sent(service).length - before;
  };

  it('is retried, others are not', async () => {
    const service = await marked();
    expect(await attemptsOf(service, { pattern: 'quote' })).toBe(2);
    void service.upstream.close();
    const other = await marked();
    expect(await attemptsOf(other, { pattern: 'order' })).toBe(1);
    void other.upstream.close();
  });

  it('is hedged', async () => {
    const service = await marked({ hedge: { delay: 50 } });
    make(service, { pattern: 'quote' });
    make(service, { pattern: 'order' });
    await after(50 + LATE);
    expect(
      sent(service)
        .map(({ packet }) => packet.pattern)
        .sort(),
    ).toEqual(['order', 'quote', 'quote']);
  });

  it('stays so after further probes on the connection, which do not tell again', async () => {
    const service = await marked();
    for (let i = 0; i < 60; i++) {
      await after(50);
      answerProbes(service, { load: { inFlight: 0 } });
    }
    expect(await attemptsOf(service, { pattern: 'quote' })).toBe(2);
  });

  it('is not so any more when a server takes over that says otherwise', async () => {
    for (const successor of [{ idempotent: [] }, undefined]) {
      const service = await marked();
      for (const key of [A, B]) service.transport(key).lose();
      service.accept(A, B);
      await settled();
      await after(2);
      answerProbes(service, successor);
      expect(service.status(A)).toBe('ready');
      expect(await attemptsOf(service, { pattern: 'quote' })).toBe(1);
      void service.upstream.close();
    }
  });

  it('is not so for a user who says otherwise', async () => {
    const service = await marked({ patterns: { quote: { idempotent: false } } });
    expect(await attemptsOf(service, { pattern: 'quote' })).toBe(1);
  });
});
