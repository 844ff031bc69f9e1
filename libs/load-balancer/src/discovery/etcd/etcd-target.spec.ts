import { describe, expect, it } from '@jest/globals';
import { parseTarget } from '../target.js';
import { etcdRegistrarProblem, etcdResolverProblem, parseEtcdTarget } from './etcd-target.js';

function target(uri: string) {
  const parsed = parseTarget(uri);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

describe('an etcd target', () => {
  it('holds endpoints, path, user and TLS', () => {
    const parsed = parseEtcdTarget(
      target(
        'etcd://shop:p%40ss%2Fword@10.0.0.1:2379,etcd-2,[::1]:2380/shop/orders/?ca=/etc/ca.pem&ttl=29500',
      ),
    );
    expect(parsed).toEqual({
      ok: true,
      value: {
        endpoints: [
          { host: '10.0.0.1', port: 2_379 },
          { host: 'etcd-2', port: 2_379 },
          { host: '::1', port: 2_380 },
        ],
        path: 'shop/orders',
        username: 'shop',
        password: 'p@ss/word',
        tls: undefined,
        files: { ca: '/etc/ca.pem' },
        ttl: 30,
      },
    });
  });

  it.each([
    ['etcd:///orders', 'expected at least one endpoint (etcd://10.0.0.9:2379/orders)'],
    ['etcd://10.0.0.1:99999/orders', 'port out of range: 99999 (1–65535)'],
    ['etcd://10.0.0.1:2379,/orders', 'expected host:port, got nothing'],
    ['etcd://user@10.0.0.1:2379/orders', 'expected user:password before the @'],
    [
      'etcd://10.0.0.1:2379/',
      'expected the path of the service after the endpoints (etcd://10.0.0.9:2379/orders)',
    ],
    ['etcd://10.0.0.1:2379/orders?tls=yes', 'tls: expected true or false, got "yes"'],
    ['etcd://10.0.0.1:2379/orders?tls=false&ca=/ca.pem', 'ca: has no meaning with tls=false'],
    ['etcd://10.0.0.1:2379/orders?cert=/c.pem', 'a client certificate needs both cert and key'],
    [
      'etcd://10.0.0.1:2379/orders?ttl=10000',
      'unknown parameter "ttl" for etcd:// (known: tls, ca, cert, key)',
    ],
  ])('is refused to a resolver: %s', (uri, problem) => {
    expect(etcdResolverProblem(target(uri))).toBe(problem);
  });

  it.each(['0', '1999', '3600001', 'ten', '2000.5', ''])('is refused to a registrar with ttl=%s', (ttl) => {
    expect(etcdRegistrarProblem(target(`etcd://10.0.0.1/orders?ttl=${ttl}`))).toBe(
      `ttl: expected an integer from 2000 to 3600000 (milliseconds), got "${ttl}"`,
    );
  });

  it('needs no path to register with, since the service has a name', () => {
    expect(etcdRegistrarProblem(target('etcd://10.0.0.1:2379'))).toBeUndefined();
  });

  it.each(['etcd://user:s3cr%zzet@h:2379/orders', 'etcd://:s3cret@h:2379/orders'])(
    'tells nothing of a password that it cannot read: %s',
    (uri) => {
      const problem = etcdResolverProblem(target(uri));
      expect(problem).toMatch(/user/);
      expect(problem).not.toContain('s3cr');
    },
  );
});
