import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidOptionsError } from '../errors.js';
import { validateCallOptions } from './call-options.js';

function problems(options: unknown): string[] {
  try {
    validateCallOptions(options);
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
    [{ signal: { aborted: false, addEventListener: () => undefined } }],
  ])('takes %j', (options) => expect(problems(options)).toEqual([]));

  it.each([
    [7, 'send(…): expected an object with options, got 7'],
    [null, 'send(…): expected an object with options, got null'],
    [[], 'send(…): expected an object with options, got an empty array'],
    [{ timout: 1 }, 'send(…).timout: unknown option; did you mean "timeout"?'],
    [{ timeout: '2s' }, 'send(…).timeout: expected a number from 0 to 2147483647 (milliseconds), got "2s"'],
    [{ timeout: NaN }, 'send(…).timeout: expected a number from 0 to 2147483647 (milliseconds), got NaN'],
    [{ timeout: -1 }, 'send(…).timeout: expected a number from 0 to 2147483647 (milliseconds), got -1'],
    [
      { timeout: Infinity },
      'send(…).timeout: expected a number from 0 to 2147483647 (milliseconds), got Infinity',
    ],
    [{ signal: {} }, 'send(…).signal: expected an AbortSignal, got an object'],
    [{ signal: new AbortController() }, 'send(…).signal: expected an AbortSignal, got an object'],
    [{ waitForReady: 'yes' }, 'send(…).waitForReady: expected true or false, got "yes"'],
    [{ hashKey: 7 }, 'send(…).hashKey: expected a string, got 7'],
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
      for (let i = 0; i < 10_000; i++) validateCallOptions(options);
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
