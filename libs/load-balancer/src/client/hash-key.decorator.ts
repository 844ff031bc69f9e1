import { InvalidOptionsError } from '../errors.js';

/** On the prototype of a class: the name of its field. Shared by every copy of the package in a process. */
const FIELD = Symbol.for('nestjs-load-balancer.hash-key-field');

interface Marked {
  readonly [FIELD]?: string | symbol;
}

/**
 * Marks the field (or getter) of a DTO by which its calls keep to one node, with the strategies `ring-hash` and `maglev`. It
 * holds for instances of the class and of those that extend it, unless the call or its pattern has a `hashKey`; a
 * plain object has no class, and so no key. A class that extends another may mark a field of its own instead. For a key
 * of several fields, mark a getter that puts them together.
 *
 * @throws InvalidOptionsError for a second field of one class, a static one, or a method
 *
 * @example
 * ```ts
 * class CartDto {
 *   @HashKey()
 *   customerId!: string;
 * }
 * this.carts.send('cart', plainToInstance(CartDto, body));
 * ```
 */
export function HashKey(): PropertyDecorator {
  return (prototype, field) => {
    if (typeof prototype === 'function') throw misplaced(prototype.name, field, 'a static field');
    const { name } = prototype.constructor;
    if (typeof Object.getOwnPropertyDescriptor(prototype, field)?.value === 'function')
      throw misplaced(name, field, 'a method');
    if (Object.hasOwn(prototype, FIELD)) {
      const other = String((prototype as Marked)[FIELD]);
      throw misplaced(name, field, `a second field beside "${other}"; mark a getter that puts them together`);
    }
    Object.defineProperty(prototype, FIELD, { value: field });
  };
}

/** What stands in the marked field of an instance. May throw what a user's getter does. */
export function markedKeyOf(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return undefined;
  const field = (data as Marked)[FIELD];
  return field === undefined ? undefined : (data as Readonly<Record<string | symbol, unknown>>)[field];
}

function misplaced(className: string, field: string | symbol, what: string): InvalidOptionsError {
  const message = `expected one field or getter of the instance, got ${what}`;
  return new InvalidOptionsError([{ path: `@HashKey() ${className}.${String(field)}`, message }]);
}
