import { describe, expect, it } from '@jest/globals';
import { TextPipe } from './text.pipe.js';

describe('TextPipe', () => {
  const prefix = new TextPipe(5);

  it('reads a text, without the blanks at its ends', () => {
    expect(prefix.transform(' Par ', { type: 'query', data: 'prefix' })).toBe('Par');
  });

  it('counts characters, not the halves of one', () => {
    expect(prefix.transform('😀😀😀😀😀', { type: 'query', data: 'prefix' })).toBe('😀😀😀😀😀');
  });

  it.each([
    ['', 'got ""'],
    ['   ', 'got "   "'],
    ['123456', 'got "123456"'],
    [undefined, 'got nothing'],
    [['a', 'b'], 'got ["a","b"]'],
  ])('refuses %j', (value, end) => {
    expect(() => prefix.transform(value, { type: 'query', data: 'prefix' })).toThrow(
      `prefix: expected 1 to 5 characters, ${end}`,
    );
  });
});
