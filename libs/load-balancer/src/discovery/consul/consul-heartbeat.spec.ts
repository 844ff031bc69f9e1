import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Heartbeat, type Beat } from './consul-heartbeat.js';

const TTL = 9_000;

let answer: () => Promise<Beat>;
let beats: number;
let lost: string[];
let heartbeat: Heartbeat;

beforeEach(() => {
  jest.useFakeTimers();
  beats = 0;
  lost = [];
  answer = () => Promise.resolve('alive');
  const beat = () => {
    beats++;
    return answer();
  };
  heartbeat = new Heartbeat(TTL, beat, (reason) => lost.push(reason));
});

afterEach(() => {
  heartbeat.stop();
  jest.useRealTimers();
});

const unreachable = () => Promise.reject(new Error('unreachable'));

describe('Heartbeat', () => {
  it('beats three times in the time for which it is trusted', async () => {
    await jest.advanceTimersByTimeAsync(10 * TTL);
    expect(beats).toBe(30);
    expect(lost).toEqual([]);
  });

  it('beats every five seconds at least, however long it is trusted', async () => {
    const beat = jest.fn(() => Promise.resolve<Beat>('alive'));
    const trusted = new Heartbeat(3_600_000, beat, (reason) => lost.push(reason));
    await jest.advanceTimersByTimeAsync(60_000);
    trusted.stop();
    expect(beat).toHaveBeenCalledTimes(12);
    expect(lost).toEqual([]);
  });

  it('says at once that the registry has forgotten it, and then nothing more', async () => {
    answer = () => Promise.resolve('forgotten');
    await jest.advanceTimersByTimeAsync(TTL / 3);
    expect(lost).toEqual(['the agent does not know it any more']);
    await jest.advanceTimersByTimeAsync(10 * TTL);
    expect(beats).toBe(1);
    expect(lost).toHaveLength(1);
  });

  it('tries each second while the registry cannot be reached, and recovers', async () => {
    answer = unreachable;
    await jest.advanceTimersByTimeAsync(TTL / 3 + 4_500);
    expect(beats).toBe(5);
    answer = () => Promise.resolve('alive');
    await jest.advanceTimersByTimeAsync(10 * TTL);
    expect(lost).toEqual([]);
  });

  it('says it is lost when the registry could not be reached for as long as it is trusted', async () => {
    await jest.advanceTimersByTimeAsync(TTL);
    answer = unreachable;
    await jest.advanceTimersByTimeAsync(TTL - 1);
    expect(lost).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(lost).toEqual(['unreachable']);
    await jest.advanceTimersByTimeAsync(10 * TTL);
    expect(lost).toHaveLength(1);
  });

  it.each<[string, (settle: { alive(): void; fail(): void; forget(): void }) => void]>([
    ['succeeds', ({ alive }) => alive()],
    ['fails', ({ fail }) => fail()],
    ['learns that it is forgotten', ({ forget }) => forget()],
  ])('says nothing when a beat %s after it was stopped', async (_, settle) => {
    let settles = (): void => undefined;
    answer = () =>
      new Promise((resolve, reject) => {
        settles = () =>
          settle({
            alive: () => resolve('alive'),
            fail: () => reject(new Error('late')),
            forget: () => resolve('forgotten'),
          });
      });
    await jest.advanceTimersByTimeAsync(TTL / 3);
    heartbeat.stop();
    settles();
    await jest.advanceTimersByTimeAsync(10 * TTL);
    expect(beats).toBe(1);
    expect(lost).toEqual([]);
  });
});
