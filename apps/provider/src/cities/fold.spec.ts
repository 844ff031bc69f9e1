import { describe, expect, it } from '@jest/globals';
import { fold } from './fold.js';

describe('fold', () => {
  it.each([
    ['PARIS', 'paris'],
    ['São Paulo', 'sao paulo'],
    ['Łódź', 'lodz'],
    ['Tromsø', 'tromso'],
    ['Gießen', 'giessen'],
    ['İstanbul', 'istanbul'],
    ['Diyarbakır', 'diyarbakir'],
    ['Əhmədbəyli', 'ehmedbeyli'],
    ['Saint-Denis', 'saint denis'],
    ['’Unābah', 'unabah'],
    ["Val-d'Or", 'val dor'],
    ['  New   York', 'new york'],
    ['Москва', 'москва'],
  ])('takes %s as %s', (name, folded) => {
    expect(fold(name)).toBe(folded);
  });

  it('takes composed and decomposed letters as the same', () => {
    expect(fold('Zürich')).toBe(fold('Zu\u0308rich'));
  });
});
