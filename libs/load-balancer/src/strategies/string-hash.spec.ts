import { describe, expect, it } from '@jest/globals';
import { hashPair, hashText, mix } from './string-hash.js';

describe('the hash of a text', () => {
  it('is FNV-1a as published, finished by the mixer of MurmurHash3', () => {
    // Landon Curt Noll's test vectors.
    expect(hashText('')).toBe(mix(0x811c9dc5));
    expect(hashText('a')).toBe(mix(0xe40c292c));
    expect(hashText('foobar')).toBe(mix(0xbf9cf968));
    expect([mix(0), mix(1)]).toEqual([0, 0x514e28b7]);
  });

  it('is an unsigned integer of 32 bits, of which every one is set for about half of similar keys', () => {
    const keys = Array.from({ length: 4_000 }, (_, i) => hashText(`customer-${i}`));
    for (const hash of keys) expect(hash).toBe(hash >>> 0);
    for (let bit = 0; bit < 32; bit++) {
      const set = keys.filter((hash) => (hash >>> bit) & 1).length;
      // Five σ of a fair coin.
      expect(Math.abs(set - 2_000)).toBeLessThan(160);
    }
  });

  it('tells texts beyond ASCII and of other order apart', () => {
    expect(new Set(['ab', 'ba', 'ä', 'ö', 'a', 'aa', '\u0000a'].map((text) => hashText(text))).size).toBe(7);
  });
});

it('the two hashes of a node are independent: where one is the same for two nodes, the other is not', () => {
  const pairs = Array.from({ length: 4_000 }, (_, i) => hashPair(`10.0.${i >> 8}.${i & 255}:4001`));
  const agreeing = pairs
    .map(([first, second]) => (first ^ second) & 0xff)
    .filter((bits) => bits === 0).length;
  expect(agreeing).toBeLessThan(40);
  expect(new Set(pairs.map(String)).size).toBe(4_000);
});
