import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, of } from 'rxjs';
import { ResolverRegistry } from './resolver-registry.js';
import type { Resolver } from './resolver.js';

const registry = new ResolverRegistry();

async function nodesOf(target: Parameters<ResolverRegistry['find']>[0]): Promise<unknown> {
  const found = registry.find(target);
  if (!found.ok) throw new Error(found.problem);
  return firstValueFrom(found.value.resolver.watch(found.value.target, NEVER));
}

describe('ResolverRegistry', () => {
  it('finds the nodes of a static target', async () => {
    await expect(nodesOf('static:///10.0.0.1:4001;weight=2, [::1]:4001,')).resolves.toEqual([
      '10.0.0.1:4001;weight=2',
      '[::1]:4001',
    ]);
  });

  it('gives a list of endpoints the shape of a target that can be shown', async () => {
    const endpoints = [1, 2, 3, 4, 5].map((port) => ({ host: '::1', port }));
    await expect(nodesOf(endpoints)).resolves.toEqual(endpoints);
    expect(registry.find(endpoints)).toMatchObject({
      value: { target: { uri: 'static:///[::1]:1,[::1]:2,[::1]:3,… (5 nodes)' } },
    });
  });

  it.each([
    [
      'static://10.0.0.1:4001',
      'the nodes follow a third slash: static:///10.0.0.1:4001,10.0.0.2:4001, in "static://10.0.0.1:4001"; did you mean "static:///10.0.0.1:4001"?',
    ],
    [
      'dns://localhost:4101',
      'expected host:port, got nothing (dns:///orders.internal:4001), in "dns://localhost:4101"; did you mean "dns:///localhost:4101"?',
    ],
    [
      'dns+srv://_orders._tcp.internal?family=4',
      'expected a host name or an IP address, got "" (dns+srv:///_orders._tcp.internal), in "dns+srv://_orders._tcp.internal?family=4"; did you mean "dns+srv:///_orders._tcp.internal?family=4"?',
    ],
    [
      'k8s://shop/orders:tcp',
      'the namespace follows a third slash (k8s:///namespace/service:port); the cluster is that of the kubeconfig, in "k8s://shop/orders:tcp"; did you mean "k8s:///shop/orders:tcp"?',
    ],
    [
      'file://etc/orders.json',
      'expected an absolute path after file:// (file:///etc/lb/orders.json), in "file://etc/orders.json"; did you mean "file:///etc/orders.json"?',
    ],
    [
      'consul://127.0.0.1:8500',
      'expected the name of a service (consul://127.0.0.1:8500/orders), in "consul://127.0.0.1:8500"',
    ],
    [
      'dns://localhost',
      'expected host:port, got nothing (dns:///orders.internal:4001), in "dns://localhost"',
    ],
    ['static:///', 'expected at least one node: static:///10.0.0.1:4001, in "static:///"'],
    ['static:///a:1,b:70000', '#1: port out of range: 70000 (1–65535), in "static:///a:1,b:70000"'],
    [
      'static:///b:70000?x=1&y=2',
      '#0: port out of range: 70000 (1–65535); unknown parameters "x", "y" for static:// (there are none), in "static:///b:70000?x=1&y=2"',
    ],
    [
      'file:///x.json?x=1&poll=5',
      'unknown parameter "x" for file:// (known: poll); poll: expected an integer from 100 to 86400000 (milliseconds), got "5", in "file:///x.json?x=1&poll=5"',
    ],
    ['static:///a:1?x=1', 'unknown parameter "x" for static:// (there are none), in "static:///a:1?x=1"'],
    [
      'file://orders.json',
      'expected an absolute path after file:// (file:///etc/lb/orders.json), in "file://orders.json"; did you mean "file:///orders.json"?',
    ],
    ['file:///', 'expected the path of a file, in "file:///"'],
    ['file:///x.toml', 'expected a file named .json, .yaml or .yml, in "file:///x.toml"'],
    [
      'file:///x.json?poll=5',
      'poll: expected an integer from 100 to 86400000 (milliseconds), got "5", in "file:///x.json?poll=5"',
    ],
    [
      'http://u:pw@10.0.0.1/',
      'unknown scheme in "http://***@10.0.0.1/" (known: static://, file://, dns://, dns+srv://, etcd://, consul://, k8s://)',
    ],
    [
      'statik:///a:1',
      'unknown scheme in "statik:///a:1" (known: static://, file://, dns://, dns+srv://, etcd://, consul://, k8s://); did you mean "static"?',
    ],
    ['10.0.0.1:4001', 'expected a URI; did you mean "static:///10.0.0.1:4001"?'],
  ])('refuses %s', (target, problem) => expect(registry.find(target)).toEqual({ ok: false, problem }));

  it('takes a duplicate in a static list, of which a warning tells later', () => {
    expect(registry.find('static:///a:1,a:1').ok).toBe(true);
  });

  it("prefers the user's resolver, and turns a validate() that throws into a problem", () => {
    const own: Resolver = {
      schemes: ['DB', 'file'],
      validate: (target) => {
        if (target.scheme === 'db') throw new Error('no such table');
        return undefined;
      },
      watch: () => of([]),
    };
    const withOwn = new ResolverRegistry([own]);
    expect(withOwn.find('file:///anything')).toMatchObject({ ok: true, value: { resolver: own } });
    expect(withOwn.find('db:///x')).toEqual({ ok: false, problem: 'no such table, in "db:///x"' });
  });
});
