import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, toArray } from 'rxjs';
import { inBatches } from './in-batches.js';

describe('inBatches', () => {
  it.each([0, 1, 3, 4, 10])('emits all of %i values in their order', async (count) => {
    const values = Array.from({ length: count }, (_, i) => i);
    await expect(lastValueFrom(inBatches(values, 4).pipe(toArray()))).resolves.toEqual(values);
  });

  it('lets other work run between two batches', async () => {
    const seen: string[] = [];
    await new Promise<void>((done) => {
      inBatches([1, 2, 3], 2).subscribe({ next: (value) => seen.push(`value ${value}`), complete: done });
      setImmediate(() => seen.push('other work'));
      seen.push('subscribed');
    });
    expect(seen.slice(0, 3)).toEqual(['value 1', 'value 2', 'subscribed']);
    expect(seen).toContain('value 3');
  });

  it('stops when nobody listens any more', async () => {
    const seen: number[] = [];
    const subscription = inBatches([1, 2, 3, 4], 2).subscribe((value) => {
      seen.push(value);
      if (value === 1) queueMicrotask(() => subscription.unsubscribe());
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen).toEqual([1, 2]);
  });
});
