import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inTurn } from './in-turn.js';

/** Each try that has begun, to be settled by the test. */
let tries: { resolve: (value: string) => void; reject: (error: Error) => void }[];
const attempt = (): Promise<string> => new Promise((resolve, reject) => void tries.push({ resolve, reject }));
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};
const run = (patience = 1_000, most = 2): Promise<string> =>
  inTurn(attempt, { tries: most, patience, isPassing: (error) => error.message === 'passing' });

beforeEach(() => {
  tries = [];
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('what is tried in turn', () => {
  it('is tried again at once after a failure, and fails with the last one', async () => {
    const result = run();
    tries[0]?.reject(new Error('passing'));
    await settled();
    expect(tries).toHaveLength(2);
    tries[1]?.reject(new Error('passing'));
    await expect(result).rejects.toThrow('passing');
    expect(tries).toHaveLength(2);
  });

  it('is not tried again after what another try would not mend', async () => {
    const result = run();
    tries[0]?.reject(new Error('wrong password'));
    await expect(result).rejects.toThrow('wrong password');
    expect(tries).toHaveLength(1);
  });

  it('is tried beside one that is silent for too long', async () => {
    const result = run();
    jest.advanceTimersByTime(999);
    expect(tries).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(tries).toHaveLength(2);
    tries[1]?.resolve('second');
    expect(await result).toBe('second');
    tries[0]?.reject(new Error('too late'));
  });

  it('takes the answer of one that was merely slow', async () => {
    const result = run();
    jest.advanceTimersByTime(1_000);
    tries[1]?.reject(new Error('passing'));
    await settled();
    tries[0]?.resolve('first');
    expect(await result).toBe('first');
  });

  it('leaves it at the try that is under way when a slow one before it fails', async () => {
    const result = run(1_000, 3);
    jest.advanceTimersByTime(1_000);
    tries[0]?.reject(new Error('passing'));
    await settled();
    expect(tries).toHaveLength(2);
    tries[1]?.resolve('second');
    expect(await result).toBe('second');
  });

  it('waits for one that is silent when there is nobody else to ask', async () => {
    const result = run(Infinity);
    jest.advanceTimersByTime(60_000);
    expect(tries).toHaveLength(1);
    tries[0]?.resolve('first');
    expect(await result).toBe('first');
  });
});
