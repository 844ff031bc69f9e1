import { describe, expect, it } from '@jest/globals';
import { RequestContext } from '../context/request-context.js';
import { HashKey } from './hash-key.decorator.js';
import { defaultHashKey, hashKeyReader, type HashKeySource } from './hash-key.js';

function reader(source: HashKeySource) {
  const faults: string[] = [];
  return { read: hashKeyReader(source, (fault) => faults.push(fault)), faults };
}

describe('the hash key of a call', () => {
  it('is a field of its data, a number as its text', () => {
    const { read } = reader('customer');
    expect(
      [{ customer: 'c-7' }, { customer: 7 }, { customer: 7n }].map((data) => read(data, undefined)),
    ).toEqual(['c-7', '7', '7']);
  });

  it('is what a function makes of the data', () => {
    const { read } = reader((quote: { from: string; to: string }) => `${quote.from}-${quote.to}`);
    expect(read({ from: 'VIE', to: 'OSL' }, undefined)).toBe('VIE-OSL');
  });

  it.each([undefined, null, 'text', 5, {}, { customer: null }, { customer: '' }])(
    'is missing from %p',
    (data) => {
      const { read, faults } = reader('customer');
      expect(read(data, undefined)).toBeUndefined();
      expect(faults).toEqual([]);
    },
  );

  it.each([
    [NaN, 'NaN'],
    [true, 'true'],
    [{}, 'an object'],
    [new Date(0), 'an object'],
    [Promise.resolve('c'), 'an object'],
  ])('is none when it is neither a text nor a number (%p), which is told once', (customer, shown) => {
    const { read, faults } = reader('customer');
    for (let i = 0; i < 3; i++) expect(read({ customer }, undefined)).toBeUndefined();
    expect(faults).toEqual([
      `hashKey gave ${shown}, expected a string or a number; such calls go to any node`,
    ]);
  });

  it('is none when the function throws, which is told once', () => {
    const { read, faults } = reader((order: { customer: { id: string } }) => order.customer.id);
    const keys = [{}, undefined, { customer: { id: 'c' } }].map((data) => read(data, undefined));
    expect(keys).toEqual([undefined, undefined, 'c']);
    expect(faults).toEqual([expect.stringMatching(/^hashKey threw: .+; such calls go to any node$/)]);
  });
});

describe('a hash key from the context', () => {
  const context = new RequestContext({ requestId: 'r', entries: [['x-tenant', 't1']] });

  it('is one of its keys, and missing outside of any request', () => {
    const { read } = reader({ context: 'x-tenant' });
    expect([
      read({}, context),
      read({}, new RequestContext({ requestId: 'r' })),
      read({}, undefined),
    ]).toEqual(['t1', undefined, undefined]);
  });

  it('is what a function makes of data and context', () => {
    const { read } = reader((data: { id: number }, from) => `${from?.get('x-tenant') ?? 'none'}-${data.id}`);
    expect([read({ id: 7 }, context), read({ id: 7 }, undefined)]).toEqual(['t1-7', 'none-7']);
  });
});

describe('the hash key of calls whose pattern has none', () => {
  class CartDto {
    @HashKey()
    customer: string | undefined = 'c-7';
  }

  it('is the marked field of the data, else what the service says', () => {
    const keyOf = defaultHashKey('id', () => undefined);
    const withoutCustomer = Object.assign(new CartDto(), { customer: undefined, id: 3 });
    expect([new CartDto(), { id: 5 }, withoutCustomer].map((data) => keyOf(data, undefined))).toEqual([
      'c-7',
      '5',
      '3',
    ]);
    expect(defaultHashKey(undefined, () => undefined)({ id: 5 }, undefined)).toBeUndefined();
  });

  it('is none when a marked getter throws, which is told once', () => {
    class Broken {
      @HashKey()
      get key(): string {
        throw new Error('no key');
      }
    }
    const faults: string[] = [];
    const keyOf = defaultHashKey(undefined, (fault) => faults.push(fault));
    expect([keyOf(new Broken(), undefined), keyOf(new Broken(), undefined)]).toEqual([undefined, undefined]);
    expect(faults).toEqual(['@HashKey() threw: no key; such calls go to any node']);
  });
});
