import { expect, it } from '@jest/globals';
import { LoadBalancerRegistry } from './registry.js';

const client = (service: string) => ({ service, snapshot: () => ({ name: service }) as any });

it('knows every client by the name of its service', () => {
  const registry = new LoadBalancerRegistry();
  const [orders, users] = [client('orders'), client('users')];
  registry.add(orders);
  registry.add(users);
  expect(registry.names()).toEqual(['orders', 'users']);
  expect(registry.get('users')).toBe(users);
  expect(registry.get('other')).toBeUndefined();
  expect(registry.snapshots()).toEqual([{ name: 'orders' }, { name: 'users' }]);
});

it('refuses a second service of the same name', () => {
  const registry = new LoadBalancerRegistry();
  registry.add(client('orders'));
  expect(() => registry.add(client('orders'))).toThrow('services.orders: is declared twice, in two modules');
  expect(registry.names()).toEqual(['orders']);
});
