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

  it('tells whether nodes are missing', () => {
    expect(someMissing([A, B], [B, A, C])).toBe(false);
    expect(someMissing([A, B], [B, C])).toBe(true);
  });
});
