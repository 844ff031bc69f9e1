import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidOptionsError } from '../errors.js';
import { type CallMethod, validateCallOptions } from './call-options.js';

function problems(options: unknown, method: CallMethod = 'send'): string[] {
  try {
    validateCallOptions(options, method);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('validateCallOptions', () => {
  it.each([
    [undefined],
    [{}],
    [
      {
        timeout: 0,
        waitForReady: true,
        hashKey: 'customer-7',
        metadata: { 'x-tenant': 't1' },
        signal: new AbortController().signal,
      },
    ],
    [{ timeout: undefined, waitForReady: undefined, metadata: undefined, signal: undefined }],
    [{ hashKey: 7 }],
    [{ signal: { aborted: false, addEventListener: () => undefined } }],
  ])('takes %j', (options) => expect(problems(options)).toEqual([]));

  it.each([
    [7, 'send(…): expected an object with options, got 7'],
    [null, 'send(…): expected an object with options, got null'],
    [[], 'send(…): expected an object with options, got an empty array'],
    [{ timout: 1 }, 'send(…).timout: unknown option; did you mean "timeout"?'],
    [{ timeout: '2s' }, 'send(…).timeout: expected a number ≥ 0 (milliseconds), got "2s"'],
    [{ timeout: NaN }, 'send(…).timeout: expected a number ≥ 0 (milliseconds), got NaN'],
    [{ timeout: -1 }, 'send(…).timeout: expected a number ≥ 0 (milliseconds), got -1'],
    [{ timeout: Infinity }, 'send(…).timeout: expected at most 2147483647 (milliseconds), got Infinity'],
    [{ signal: {} }, 'send(…).signal: expected an AbortSignal, got an object'],
    [{ signal: new AbortController() }, 'send(…).signal: expected an AbortSignal, got an object'],
    [{ waitForReady: 'yes' }, 'send(…).waitForReady: expected true or false, got "yes"'],
    [{ hashKey: NaN }, 'send(…).hashKey: expected a string or a number, got NaN'],
    [{ hashKey: {} }, 'send(…).hashKey: expected a string or a number, got an object'],
    [{ metadata: 'x' }, 'send(…).metadata: expected an object of strings, got "x"'],
    [{ metadata: { 'x-a': 7 } }, 'send(…).metadata: expected a string as "x-a", got number'],
    [{ metadata: { 'lb-timeout': '1' } }, 'send(…).metadata: "lb-timeout" belongs to the library'],
    [{ metadata: { 'LB-Timeout': '1' } }, 'send(…).metadata: "LB-Timeout" belongs to the library'],
  ])('refuses %j', (options, problem) => expect(problems(options)).toEqual([problem]));

  it('reports every problem at once, and no value of the metadata', () => {
    const found = problems({ timeout: -1, retries: 3, metadata: { authorization: ['s3cret'] } });
    expect(found).toHaveLength(3);
    expect(found.join()).not.toContain('s3cret');
  });

  it('reports everything that is wrong below an option, each with its path', () => {
    const retry = { maxAttempts: 9, retryOn: 'X', backoff: { initial: 0, maximum: 1 }, budget: {} };
    expect(problems({ retry, hedge: { delay: 'p100', maxAttempts: 1 } })).toEqual([
      'send(…).retry.maxAttempts: expected an integer from 1 to 5, got 9',
      'send(…).retry.retryOn: expected a list of codes or a function (error, code) => boolean, got "X"',
      'send(…).retry.backoff.initial: expected a number ≥ 1 (milliseconds), got 0',
      'send(…).retry.backoff.maximum: unknown option',
      'send(…).retry.budget: unknown option',
      'send(…).hedge.delay: expected milliseconds or a percentile between p0 and p100 such as "p95", got "p100"',
      'send(…).hedge.maxAttempts: expected an integer from 2 to 5, got 1',
    ]);
    expect(problems({ retry: true, hedge: {} })).toEqual([
      'send(…).retry: expected an object or false, got true',
      'send(…).hedge.delay: expected milliseconds or a percentile such as "p95", got nothing',
    ]);
    expect(problems({ retry: false, hedge: { delay: 'p95' } })).toEqual([]);
  });

  it('refuses to hedge an event, which has no answer that could stay out', () => {
    const hedge = { delay: 5 };
    expect(problems({ hedge }, 'emit')).toEqual(['emit(…).hedge: is for send() only; events have no answer']);
    expect(problems({ hedge: false }, 'emit')).toEqual([]);
    expect(problems({ hedge }, 'send')).toEqual([]);
  });

  it.each(['send', 'emit', 'broadcast'] as const)('names the method: %s(…)', (method) => {
    expect(problems(7, method)).toEqual([`${method}(…): expected an object with options, got 7`]);
    expect(problems({ timeout: -1 }, method)).toEqual([
      `${method}(…).timeout: expected a number ≥ 0 (milliseconds), got -1`,
    ]);
  });

  it('allocates nothing when all is well', () => {
    const { signal } = new AbortController();
    const options = {
      timeout: 300,
      waitForReady: true,
      metadata: { 'x-tenant': 't1', 'x-user': 'u1' },
      signal,
    };
    const run = (): number => {
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 10_000; i++) validateCallOptions(options, 'send');
      return process.memoryUsage().heapUsed - before;
    };
    // The least of several: the rest of the process allocates, too.
    const bytesPerCall = Math.min(...Array.from({ length: 10 }, run).map(Math.abs)) / 10_000;
    expect(bytesPerCall).toBeLessThan(4);
  });

  it('answers any value with nothing or with InvalidOptionsError', () => {
    const key = fc.constantFrom('timeout', 'signal', 'waitForReady', 'metadata', '__proto__', 'x');
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(key, fc.anything())), (options) =>
        Array.isArray(problems(options)),
      ),
    );
  });
});
