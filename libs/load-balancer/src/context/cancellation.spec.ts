import { describe, expect, it } from '@jest/globals';
import { Cancellation } from './cancellation.js';

describe('Cancellation', () => {
  it('tells each listener once, with the reason', () => {
    const cancellation = new Cancellation();
    const told: unknown[] = [];
    cancellation.add({ onCancelled: (reason) => told.push(reason) });
    cancellation.cancel('first');
    cancellation.cancel('second');
    expect(told).toEqual(['first']);
    expect(cancellation.cancelled).toBe(true);
    expect(cancellation.reason).toBe('first');
  });

  it('does not tell who has left, nor who comes too late', () => {
    const cancellation = new Cancellation();
    const told: unknown[] = [];
    const left = { onCancelled: (reason: unknown) => told.push(reason) };
    cancellation.add(left);
    cancellation.remove(left);
    cancellation.cancel('gone');
    cancellation.add(left);
    expect(told).toEqual([]);
  });

  it('aborts the signal, whether it was asked for before or after', () => {
    const before = new Cancellation();
    const { signal } = before;
    expect(signal.aborted).toBe(false);
    before.cancel('gone');
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe('gone');

    const after = new Cancellation();
    after.cancel('gone');
    expect(after.signal.aborted).toBe(true);
    expect(after.signal.reason).toBe('gone');
  });

  it('hands out one signal', () => {
    const cancellation = new Cancellation();
    expect(cancellation.signal).toBe(cancellation.signal);
  });

  it('lets a listener leave, or cancel again, while it tells them', () => {
    const cancellation = new Cancellation();
    const told: string[] = [];
    const second = { onCancelled: () => told.push('second') };
    cancellation.add({
      onCancelled: () => {
        told.push('first');
        cancellation.remove(second);
        cancellation.cancel('again');
      },
    });
    cancellation.add(second);
    cancellation.cancel('gone');
    expect(told).toEqual(['first', 'second']);
  });
});
