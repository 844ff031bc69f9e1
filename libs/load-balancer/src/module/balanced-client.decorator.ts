import { Inject } from '@nestjs/common';
import { nameRequested } from './service-names.js';
import { getBalancedClientToken } from './tokens.js';

/**
 * Injects the client of a service. Without a name: the only service, or the one named `default`.
 *
 * @example
 * ```ts
 * constructor(@BalancedClient('orders') private readonly orders: BalancedClientProxy) {}
 * ```
 */
export function BalancedClient(name?: string): ParameterDecorator & PropertyDecorator {
  if (name !== undefined) nameRequested(name);
  return Inject(getBalancedClientToken(name));
}
