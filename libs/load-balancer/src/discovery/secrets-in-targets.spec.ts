import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RegistrarRegistry } from './registrar-registry.js';
import { ResolverRegistry } from './resolver-registry.js';

const resolvers = new ResolverRegistry();
const registrars = new RegistrarRegistry();

/** All that is said of a target, by both sides. */
function told(uri: string): string {
  return [resolvers.find(uri), registrars.find(uri)]
    .map((found) => (found.ok ? found.value.target.uri : found.problem))
    .join('\n');
}

describe('what is told of a target', () => {
  it.each(['etcd', 'consul', 'k8s', 'dns', 'dns+srv', 'static', 'file'])(
    'holds no part of a password, whatever it holds: %s',
    (scheme) => {
      fc.assert(
        fc.property(fc.string(), fc.string(), (before, after) => {
          expect(told(`${scheme}://root:${before}HUNTER2${after}@10.0.0.9:2379/orders`)).not.toMatch(
            /hunter2/i,
          );
        }),
      );
    },
  );

  it.each([
    's3cr/et',
    's3cr?et',
    's3cr?s3cr&s3cr',
    's3cr#et',
    's3cr%/et',
    '12345/et',
    's3@cr/et',
    '12345?et',
  ])('is, of the password %s, how to write it', (password) => {
    for (const scheme of ['etcd', 'consul', 'dns'])
      expect(told(`${scheme}://root:${password}@10.0.0.9:2379/orders`)).toBe(
        Array.from(
          { length: 2 },
          () =>
            `an "@" stands after the address (write it as %40; in a password, / ? and # are %2F, %3F and %23): "${scheme}://***@10.0.0.9:2379/orders"`,
        ).join('\n'),
      );
  });

  it('takes an "@" in a path that follows no address, and one that is written as %40', () => {
    expect(resolvers.find('file:///etc/lb/a@b.json').ok).toBe(true);
    expect(resolvers.find('consul://h:8500/orders?near=a%40b').ok).toBe(true);
  });
});
