import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../testing/seeded-random.js';
import { DEFAULT_RETRY_BACKOFF, type PushBack } from './retry-backoff.js';
import { RetryBudget } from './retry-budget.js';
import {
  decideRetry,
  endsRetriesUpstream,
  FIRST_ATTEMPT,
  MOST_ATTEMPTS,
  type FailedAttempt,
  type FailedOutcome,
  type RetryDecision,
  type RetryPolicy,
  type RetryProgress,
} from './retry-policy.js';

const OUTCOMES: readonly FailedOutcome[] = ['refused', 'rejected', 'lost', 'timed-out', 'answered-error'];
const MAYBE_PROCESSED: readonly FailedOutcome[] = ['lost', 'timed-out', 'answered-error'];

const policy = (changes: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maxAttempts: 3,
  retryOn: undefined,
  backoff: DEFAULT_RETRY_BACKOFF,
  ...changes,
});

const failed = (changes: Partial<FailedAttempt> = {}): FailedAttempt => ({
  outcome: 'lost',
  error: new Error('read ECONNRESET'),
  pushBack: undefined,
  emitted: false,
  idempotent: true,
  servesRetry: false,
  progress: FIRST_ATTEMPT,
  remaining: 1_000,
  ...changes,
});

function decide(
  changes: Partial<FailedAttempt> = {},
  by: Partial<RetryPolicy> = {},
  budget = new RetryBudget(),
) {
  return decideRetry(failed(changes), policy(by), { budget, now: 0, random: () => 0.5 });
}

/** Why nothing is retried, or how. */
const verdict = (decision: RetryDecision) => (decision.kind === 'fail' ? decision.reason : decision.kind);

describe('decideRetry', () => {
  describe('what was certainly not processed', () => {
    it('goes on at once without limit when it was never sent, idempotent or not, whatever the budget and the attempts', () => {
      const empty = new RetryBudget({ ratio: 0, minPerSecond: 0 });
      let progress: RetryProgress = { retries: 4, rejected: true, backoffStep: 2 };
      for (let node = 0; node < 20; node++) {
        const decision = decide(
          { outcome: 'refused', idempotent: false, servesRetry: true, progress },
          { maxAttempts: 1 },
          empty,
        );
        if (decision.kind !== 'transparent') throw new Error(verdict(decision));
        progress = decision.progress;
      }
      expect(progress.retries).toBe(4);
    });

    it('goes on once for free when a server refused it, then by the policy, though it is not idempotent', () => {
      const budget = new RetryBudget();
      const first = decide({ outcome: 'rejected', idempotent: false }, {}, budget);
      if (first.kind !== 'transparent') throw new Error(verdict(first));
      expect(budget.balance(0)).toBe(100);

      const second = decide({ outcome: 'rejected', idempotent: false, progress: first.progress }, {}, budget);
      expect(second).toMatchObject({ kind: 'retry', delay: 25 });
      expect(budget.balance(0)).toBe(99);
    });

    it('waits as a server that refuses it says, and pays for it', () => {
      const budget = new RetryBudget();
      expect(decide({ outcome: 'rejected', pushBack: 400 }, {}, budget)).toMatchObject({
        kind: 'retry',
        delay: 400,
      });
      expect(budget.balance(0)).toBe(99);
    });

    it('is not retried when the server that refuses it says so', () => {
      expect(verdict(decide({ outcome: 'rejected', pushBack: 'never' }))).toBe('push-back');
    });

    it('is not picked out by retryOn, since no error of a handler is at hand', () => {
      const progress = { ...FIRST_ATTEMPT, rejected: true };
      expect(verdict(decide({ outcome: 'rejected', progress }, { retryOn: () => false }))).toBe('retry');
    });
  });

  describe('what may have been processed', () => {
    it.each(MAYBE_PROCESSED)('fails when it is not idempotent (%s)', (outcome) => {
      expect(verdict(decide({ outcome, idempotent: false }, { retryOn: () => true }))).toBe('not-idempotent');
    });

    it('is retried with back-off when it is idempotent and was lost or timed out', () => {
      expect(decide({ outcome: 'lost' })).toMatchObject({ kind: 'retry', delay: 25 });
      const progress = { ...FIRST_ATTEMPT, retries: 1, backoffStep: 1 };
      expect(decide({ outcome: 'timed-out', progress })).toMatchObject({ kind: 'retry', delay: 50 });
    });

    it('counts an application error as an answer unless retryOn says otherwise', () => {
      const busy = { outcome: 'answered-error', error: { code: 'BUSY' } } as const;
      expect(verdict(decide(busy))).toBe('not-retryable');
      expect(verdict(decide({ ...busy, error: { code: 'CONNECTION_LOST' } }))).toBe('not-retryable');
      expect(verdict(decide(busy, { retryOn: ['BUSY'] }))).toBe('retry');
      expect(verdict(decide(busy, { retryOn: ['OTHER'] }))).toBe('not-retryable');
      expect(verdict(decide(busy, { retryOn: (error) => (error as { code: string }).code === 'BUSY' }))).toBe(
        'retry',
      );
    });

    it('takes retryOn for the whole choice', () => {
      expect(verdict(decide({ outcome: 'lost' }, { retryOn: ['DEADLINE_EXCEEDED'] }))).toBe('not-retryable');
      expect(verdict(decide({ outcome: 'timed-out' }, { retryOn: ['DEADLINE_EXCEEDED'] }))).toBe('retry');
      expect(verdict(decide({ outcome: 'lost' }, { retryOn: (_, code) => code === 'CONNECTION_LOST' }))).toBe(
        'retry',
      );
    });

    it.each([undefined, null, 'text', 5, { code: 5 }, []])('finds no code in the error %p', (error) => {
      expect(verdict(decide({ outcome: 'answered-error', error }, { retryOn: ['5', 'text'] }))).toBe(
        'not-retryable',
      );
    });

    it('takes a predicate that throws for a no', () => {
      const retryOn = () => {
        throw new TypeError('the user made a mistake');
      };
      expect(verdict(decide({ outcome: 'lost' }, { retryOn }))).toBe('not-retryable');
    });
  });

  it.each(OUTCOMES)('fails once the caller has seen a part of the answer (%s)', (outcome) => {
    expect(verdict(decide({ outcome, emitted: true }, { retryOn: () => true }))).toBe('emitted');
  });

  it.each(OUTCOMES)('fails once the deadline has passed (%s)', (outcome) => {
    expect(verdict(decide({ outcome, remaining: 0 }, { retryOn: () => true }))).toBe('deadline');
  });

  it('fails at once when the push-back does not fit into the deadline, and keeps the budget', () => {
    const budget = new RetryBudget();
    expect(verdict(decide({ pushBack: 1_000, remaining: 1_000 }, {}, budget))).toBe('deadline');
    expect(budget.balance(0)).toBe(100);
  });

  it('begins the back-off anew after a push-back', () => {
    const progress = { retries: 2, rejected: false, backoffStep: 2 };
    const pushed = decide({ pushBack: 10, progress }, { maxAttempts: MOST_ATTEMPTS });
    if (pushed.kind !== 'retry') throw new Error(verdict(pushed));
    expect(pushed.delay).toBe(10);
    expect(decide({ progress: pushed.progress }, { maxAttempts: MOST_ATTEMPTS })).toMatchObject({
      delay: 25,
    });
  });

  it('does not retry while serving a retry', () => {
    expect(verdict(decide({ servesRetry: true }))).toBe('serves-retry');
    expect(verdict(decide({ servesRetry: true, outcome: 'rejected' }))).toBe('transparent');
    expect(verdict(decide({ servesRetry: true, outcome: 'rejected', pushBack: 5 }))).toBe('serves-retry');
  });

  it('fails when the budget is spent', () => {
    expect(verdict(decide({}, {}, new RetryBudget({ ratio: 0, minPerSecond: 0 })))).toBe('budget');
  });

  it('makes no retry with a single attempt', () => {
    expect(verdict(decide({}, { maxAttempts: 1 }))).toBe('attempts');
  });

  it('keeps to attempts, budget and deadline, and never repeats what may have been processed, whatever goes wrong', () => {
    const failure = fc.record({
      outcome: fc.constantFrom(...OUTCOMES),
      pushBack: fc.constantFrom<PushBack | undefined>(undefined, 'never', 0, 20, 400),
      took: fc.nat({ max: 300 }),
    });
    const call = fc.record({
      failures: fc.array(failure, { maxLength: 12 }),
      idempotent: fc.boolean(),
      maxAttempts: fc.integer({ min: 1, max: MOST_ATTEMPTS }),
      tokens: fc.nat({ max: 4 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(call, ({ failures, idempotent, maxAttempts, tokens, seed }) => {
        const budget = new RetryBudget({ ratio: 0, minPerSecond: tokens / 10 });
        const random = seededRandom(seed);
        const deadline = 1_000;
        let now = 0;
        let progress = FIRST_ATTEMPT;
        let retries = 0;
        let mayHaveRun = 0;
        let freeRejections = 0;
        for (const { outcome, pushBack, took } of failures) {
          now += took;
          if (MAYBE_PROCESSED.includes(outcome)) mayHaveRun++;
          const decision = decideRetry(
            failed({ outcome, pushBack, idempotent, progress, remaining: deadline - now }),
            policy({ maxAttempts, retryOn: () => true }),
            { budget, now, random },
          );
          if (decision.kind === 'fail') break;
          expect(idempotent || mayHaveRun === 0).toBe(true);
          progress = decision.progress;
          if (decision.kind === 'retry') {
            retries++;
            now += decision.delay;
          } else if (outcome === 'rejected') freeRejections++;
          expect(now).toBeLessThan(deadline);
        }
        expect(retries).toBeLessThanOrEqual(Math.min(maxAttempts - 1, tokens));
        expect(freeRejections).toBeLessThanOrEqual(1);
        expect(progress.retries).toBe(retries);
      }),
    );
  });
});

describe('three levels of three attempts each over a service that fails', () => {
  interface Failure {
    pushBack: PushBack | undefined;
  }

  /** Calls `next` as often as its policy lets it; tells its own caller whether to try again. */
  function level(budget: RetryBudget, next: (isRetry: boolean, now: number) => Failure) {
    return (servesRetry: boolean, now: number): Failure => {
      budget.deposit(now);
      let progress = FIRST_ATTEMPT;
      for (;;) {
        const { pushBack } = next(servesRetry || progress.retries > 0, now);
        const decision = decideRetry(
          failed({ outcome: 'answered-error', pushBack, servesRetry, progress }),
          policy({ retryOn: () => true }),
          { budget, now, random: () => 0 },
        );
        if (decision.kind === 'fail')
          return { pushBack: endsRetriesUpstream(decision.reason) ? 'never' : undefined };
        progress = decision.progress;
      }
    };
  }

  it('reach it 1.2 times a call, not 27 times', () => {
    let reached = 0;
    const last = (): Failure => {
      reached++;
      return { pushBack: undefined };
    };
    const budget = () => new RetryBudget({ minPerSecond: 0 });
    const caller = level(budget(), level(budget(), level(budget(), last)));
    for (let call = 0; call < 10_000; call++) caller(false, call);

    expect(reached).toBeGreaterThan(11_000);
    expect(reached).toBeLessThanOrEqual(12_000);
  });
});
