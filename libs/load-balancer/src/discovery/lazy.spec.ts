import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, of } from 'rxjs';
import { LazyRegistrar } from './lazy-registrar.js';
import { LazyResolver } from './lazy-resolver.js';
import { RegistrarRegistry } from './registrar-registry.js';
import { ResolverRegistry } from './resolver-registry.js';
import type { Target } from './resolver.js';

const ABSENT = 'a-package-that-is-not-installed';
const PRESENT = 'rxjs';
const REGISTRATION = { service: 'orders', host: '10.0.0.1', port: 4_001 };
const NODES = ['10.0.0.1:4001'];

/** What says how often the code behind it has been asked for. */
function lazy(needs: string) {
  const loaded: string[] = [];
  const settings = {
    schemes: ['zk'],
    needs,
    validate: ({ path }: Target) => (path === '' ? 'expected a path' : undefined),
  };
  const resolver = new LazyResolver({
    ...settings,
    load: () => {
      loaded.push('resolver');
      return Promise.resolve({ schemes: ['zk'], watch: () => of(NODES) });
    },
  });
  const registrar = new LazyRegistrar({
    ...settings,
    load: () => {
      loaded.push('registrar');
      const lease = { deregister: () => Promise.resolve() };
      return Promise.resolve({ schemes: ['zk'], register: () => Promise.resolve(lease) });
    },
  });
  return {
    loaded,
    resolvers: new ResolverRegistry([resolver]),
    registrars: new RegistrarRegistry([registrar]),
  };
}

describe('a target whose package is optional', () => {
  it('is refused with what to install when the package is missing, before anything is loaded', () => {
    const { loaded, resolvers, registrars } = lazy(ABSENT);
    const problem = `zk:// needs the package "${ABSENT}" (npm install ${ABSENT}), in "zk://***@h/orders"`;
    expect(resolvers.find('zk://u:s3cret@h/orders')).toEqual({ ok: false, problem });
    expect(registrars.find('zk://u:s3cret@h/orders')).toEqual({ ok: false, problem });
    expect(loaded).toEqual([]);
  });

  it('is looked at without loading anything when it is there', () => {
    const { loaded, resolvers, registrars } = lazy(PRESENT);
    const problem = 'expected a path, in "zk://h"';
    expect(resolvers.find('zk://h')).toEqual({ ok: false, problem });
    expect(registrars.find('zk://h')).toEqual({ ok: false, problem });
    expect([resolvers.find('zk://h/orders').ok, registrars.find('zk://h/orders').ok]).toEqual([true, true]);
    expect(loaded).toEqual([]);
  });

  it('is loaded with the first that watches or registers', async () => {
    const { loaded, resolvers, registrars } = lazy(PRESENT);
    const source = resolvers.find('zk://h/orders');
    if (!source.ok) throw new Error(source.problem);
    const { resolver, target } = source.value;
    const watched = resolver.watch(target, NEVER);
    expect(loaded).toEqual([]);
    expect(await firstValueFrom(watched)).toBe(NODES);
    expect(loaded).toEqual(['resolver']);

    const { signal } = new AbortController();
    const found = registrars.find('zk://h/orders');
    if (!found.ok) throw new Error(found.problem);
    await found.value.registrar.register(REGISTRATION, target, () => undefined, signal);
    expect(loaded).toEqual(['resolver', 'registrar']);
  });

  it('is not registered when that was given up while it was loaded', async () => {
    const { registrars } = lazy(PRESENT);
    const found = registrars.find('zk://h/orders');
    if (!found.ok) throw new Error(found.problem);
    const { registrar, target } = found.value;
    const giveUp = new AbortController();
    const registering = registrar.register(REGISTRATION, target, () => undefined, giveUp.signal);
    giveUp.abort(new Error('given up'));
    await expect(registering).rejects.toThrow('given up');
  });
});
