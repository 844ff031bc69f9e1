import { describe, expect, it } from '@jest/globals';
import { Holdover, someMissing } from './holdover.js';

const [A, B, C] = [1, 2, 3].map((port) => ({ host: 'h', port })) as [
  { host: string; port: number },
  { host: string; port: number },
  { host: string; port: number },
];

describe('what is held over', () => {
  it('is kept beside what there is until the time is up', () => {
    const holdover = new Holdover(1_000);
    expect(holdover.merge([C], 0)).toEqual([C]);
    holdover.begin([A, B], 0);
    expect(holdover.merge([C], 999)).toEqual([C, A, B]);
    expect(holdover.left(400)).toBe(600);
    expect(holdover.merge([C], 1_000)).toEqual([C]);
    expect(holdover.left(1_000)).toBeUndefined();
  });

  it('gives way to a node that has registered again, with its new attributes', () => {
    const holdover = new Holdover(1_000);
    holdover.begin([A, B], 0);
    const renewed = { ...A, weight: 5 };
    expect(holdover.merge([renewed], 500)).toEqual([renewed, B]);
  });

  it('is let go in time, however often contact is lost meanwhile', () => {
    const holdover = new Holdover(1_000);
    holdover.begin([A, B], 0);
    expect(holdover.merge([A], 0)).toEqual([A, B]);
    // Only A was registered when contact was lost again, and again.
    holdover.begin([A], 400);
    holdover.begin([A], 800);
    expect(holdover.merge([], 999)).toEqual([A, B]);
    expect(holdover.left(999)).toBe(1);
    expect(holdover.merge([], 1_000)).toEqual([A]);
    expect(holdover.left(1_000)).toBe(800);
    expect(holdover.merge([], 1_800)).toEqual([]);
  });

  it('is held for the whole time again once it has been registered in between', () => {
    const holdover = new Holdover(1_000);
    holdover.begin([A], 0);
    holdover.begin([A], 900);
    expect(holdover.merge([], 1_500)).toEqual([A]);
  });

  it('tells whether nodes are missing', () => {
    expect(someMissing([A, B], [B, A, C])).toBe(false);
    expect(someMissing([A, B], [B, C])).toBe(true);
  });
});
