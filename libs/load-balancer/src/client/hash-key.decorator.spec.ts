import { describe, expect, it } from '@jest/globals';
import { isLoadBalancerError } from '../errors.js';
import { HashKey, markedKeyOf } from './hash-key.decorator.js';

class CartDto {
  @HashKey()
  customer = 'c-7';
  item = 'i-1';
}
class GiftDto extends CartDto {}
class OrderDto extends CartDto {
  @HashKey()
  order = 'o-9';
}
class RouteDto {
  from = 'VIE';
  to = 'OSL';
  @HashKey()
  get route(): string {
    return `${this.from}-${this.to}`;
  }
}

describe('@HashKey()', () => {
  it.each([
    ['a field', new CartDto(), 'c-7'],
    ['a field of the class that it extends', new GiftDto(), 'c-7'],
    ['its own field rather than that of the class that it extends', new OrderDto(), 'o-9'],
    ['a getter', new RouteDto(), 'VIE-OSL'],
  ])('finds %s', (_what, dto, key) => {
    expect(markedKeyOf(dto)).toBe(key);
  });

  it.each([
    [{ customer: 'c-7' }],
    [JSON.parse(JSON.stringify(new CartDto()))],
    [null],
    ['text'],
    [7],
    [Object.create(null)],
  ])('finds nothing in %j', (data) => {
    expect(markedKeyOf(data)).toBeUndefined();
  });

  it('leaves the instance as it is: nothing of it is sent or listed', () => {
    expect(Object.keys(new CartDto())).toEqual(['customer', 'item']);
    expect(Reflect.ownKeys(new CartDto())).toEqual(['customer', 'item']);
  });

  it.each([
    [
      'a second field',
      () => {
        class Two {
          @HashKey() a = 1;
          @HashKey() b = 2;
        }
        return Two;
      },
      '@HashKey() Two.b: expected one field or getter of the instance, got a second field beside "a"; mark a getter that puts them together',
    ],
    [
      'a method',
      () => {
        class Method {
          @HashKey() key(): string {
            return 'k';
          }
        }
        return Method;
      },
      '@HashKey() Method.key: expected one field or getter of the instance, got a method',
    ],
    [
      'a static field',
      () => {
        class Static {
          @HashKey() static key = 1;
          own = 2;
        }
        return Static;
      },
      '@HashKey() Static.key: expected one field or getter of the instance, got a static field',
    ],
  ])('refuses %s when the class is defined', (_what, define, message) => {
    let error: unknown;
    try {
      define();
    } catch (thrown) {
      error = thrown;
    }
    expect(isLoadBalancerError(error) && [error.code, error.message]).toEqual(['INVALID_OPTIONS', message]);
  });
});
