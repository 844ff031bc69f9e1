import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TextRope } from './text-rope.js';

describe('TextRope', () => {
  it('hands over the pieces in order, whatever their lengths, and starts afresh', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.nat({ max: 3000 }).map((length) => 'y'.repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.string(), (pieces, last) => {
        const rope = new TextRope();
        for (const each of pieces) rope.append(each);
        expect(rope.length).toBe(pieces.join('').length);
        expect(rope.take(last)).toBe(pieces.join('') + last);
        expect(rope.length).toBe(0);
        expect(rope.take()).toBe('');
      }),
    );
  });

  it('keeps the order across many thousands of short pieces', () => {
    const rope = new TextRope();
    let whole = '';
    for (let i = 0; i < 5000; i++) {
      rope.append(String(i));
      whole += String(i);
    }
    // Joined on the way: what waits to be joined stays small.
    expect((rope as unknown as { short: string[] }).short.length).toBeLessThanOrEqual(1024);
    expect(rope.take()).toBe(whole);
  });
});
