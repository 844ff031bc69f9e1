import { describe, expect, it } from '@jest/globals';
import { hashKeyReader, type HashKeySource } from './hash-key.js';

function reader(source: HashKeySource) {
  const faults: string[] = [];
  return { read: hashKeyReader(source, (fault) => faults.push(fault)), faults };
}

describe('the hash key of a call', () => {
  it('is a field of its data, a number as its text', () => {
    const { read } = reader('customer');
    expect([{ customer: 'c-7' }, { customer: 7 }, { customer: 7n }].map(read)).toEqual(['c-7', '7', '7']);
  });

  it('is what a function makes of the data', () => {
    const { read } = reader((quote: { from: string; to: string }) => `${quote.from}-${quote.to}`);
    expect(read({ from: 'VIE', to: 'OSL' })).toBe('VIE-OSL');
  });

  it.each([undefined, null, 'text', 5, {}, { customer: null }, { customer: {} }])(
    'is missing from %p',
    (data) => {
      const { read, faults } = reader('customer');
      expect(read(data)).toBeUndefined();
      expect(faults).toEqual([]);
    },
  );

  it('is none when the function throws, which is told once', () => {
    const { read, faults } = reader((order: { customer: { id: string } }) => order.customer.id);
    expect([read({}), read(undefined), read({ customer: { id: 'c' } })]).toEqual([undefined, undefined, 'c']);
    expect(faults).toEqual([expect.stringMatching(/^hashKey threw: .+; such calls go to any node$/)]);
  });
});
