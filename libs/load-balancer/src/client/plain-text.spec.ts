import { expect, it } from '@jest/globals';
import { plainText } from './plain-text.js';

it('is the same for equal data, in whatever order its keys stand', () => {
  const one = plainText({ name: 'x', deep: { b: [1, null, true], a: 'text' } });
  expect(plainText({ deep: { a: 'text', b: [1, null, true], left: undefined }, name: 'x' })).toBe(one);
  expect(plainText({ name: 'x', deep: { a: 'text', b: [1, null, false] } })).not.toBe(one);
});

it('tells texts from numbers and names from objects', () => {
  expect(new Set(['1', 1, ['1'], { 1: 1 }, '{"1":1}'].map((value) => plainText(value))).size).toBe(5);
});

it('is none for what is no plain data', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  for (const value of [
    () => 1,
    { deep: [Symbol('s')] },
    new Date(),
    { map: new Map() },
    1n,
    circular,
    undefined,
  ])
    expect(plainText(value)).toBeUndefined();
});
