import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hideSecrets, parseTarget, unknownParamProblem } from './target.js';
import type { Target } from './resolver.js';

function target(text: string): Target {
  const result = parseTarget(text);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
}

describe('parseTarget', () => {
  it.each([
    ['static:///10.0.0.1:4001,[::1]:4002', 'static', '', '10.0.0.1:4001,[::1]:4002', {}],
    ['FILE:///etc/my%20lb/orders.json?poll=2000', 'file', '', 'etc/my lb/orders.json', { poll: '2000' }],
    ['dns+srv:///_orders._tcp.internal', 'dns+srv', '', '_orders._tcp.internal', {}],
    ['etcd://10.0.0.9:2379,10.0.0.8:2379/a/b', 'etcd', '10.0.0.9:2379,10.0.0.8:2379', 'a/b', {}],
    ['consul://[::1]:8500?tag=v2&dc=', 'consul', '[::1]:8500', '', { tag: 'v2', dc: '' }],
    ['  k8s:///shop/orders:tcp\n', 'k8s', '', 'shop/orders:tcp', {}],
  ])('takes %s apart', (text, scheme, authority, path, params) => {
    expect(target(text)).toMatchObject({ scheme, authority, path });
    expect({ ...target(text).params }).toEqual(params);
  });

  it('keeps credentials for the resolver and out of the URI that is shown', () => {
    expect(target('etcd://root:s3cret@h:1/x?token=abc&tag=a')).toMatchObject({
      uri: 'etcd://***@h:1/x?token=***&tag=a',
      authority: 'root:s3cret@h:1',
      params: { token: 'abc', tag: 'a' },
    });
  });

  it('shows only the beginning of a long list', () => {
    const list = `static:///${'10.0.0.1:4001,'.repeat(10_000)}`;
    expect(target(list).uri.length).toBeLessThanOrEqual(200);
    expect(target(list).path.length).toBeGreaterThan(100_000);
  });

  it('has no parameters but those that were written', () => {
    expect(target('file:///x').params.constructor).toBeUndefined();
    expect(Object.keys(target('file:///x?__proto__=1').params)).toEqual(['__proto__']);
  });

  it.each([
    ['', 'expected a target such as static:///10.0.0.1:4001, got nothing'],
    ['10.0.0.1:4001,b:2', 'expected a URI; did you mean "static:///10.0.0.1:4001,b:2"?'],
    ['orders', 'expected a URI such as static:///10.0.0.1:4001 or file:///etc/lb/orders.json, got "orders"'],
    [
      'static:/h:1',
      'expected a URI such as static:///10.0.0.1:4001 or file:///etc/lb/orders.json, got "static:/h:1"',
    ],
    ['u:pw@h', 'expected a URI such as static:///10.0.0.1:4001 or file:///etc/lb/orders.json, got "***@h"'],
    ['file:///a%zz', '"%" must be followed by two hexadecimal digits (write % as %25): "file:///a%zz"'],
    ['file:///a#b', '"#" has no meaning in a target (write it as %23): "file:///a#b"'],
    ['file:///a\nb', 'a target must not contain line breaks or control characters: "file:///a b"'],
    ['file:///a?poll=1&poll=2', 'parameter "poll" is given twice: "file:///a?poll=1&poll=2"'],
  ])('refuses %j', (text, problem) => expect(parseTarget(text)).toEqual({ ok: false, problem }));

  it('neither throws nor shows a password, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const result = parseTarget(`etcd://root:${before}PASSWORD${after}@host:1/orders`);
        expect(JSON.stringify(result.ok ? result.value.uri : result.problem)).not.toContain('PASSWORD');
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => typeof parseTarget(text).ok === 'boolean'),
    );
  });
});

describe('hideSecrets', () => {
  it("takes the target's credentials out of another's error", () => {
    const etcd = target('etcd://root:s3%40cret@h:1/x?token=abc');
    expect(hideSecrets('401 for root with s3@cret and abc at etcd://root:s3%40cret@h:1', etcd)).toBe(
      '401 for root with *** and *** at etcd://***@h:1',
    );
  });

  it('leaves other text alone', () => {
    expect(hideSecrets('connect ECONNREFUSED 10.0.0.1:80', target('file:///x'))).toBe(
      'connect ECONNREFUSED 10.0.0.1:80',
    );
  });
});

describe('unknownParamProblem', () => {
  it('names the parameters that are known', () => {
    expect(unknownParamProblem(target('file:///x?pol=1'), ['poll'])).toBe(
      'unknown parameter "pol" for file:// (known: poll)',
    );
    expect(unknownParamProblem(target('file:///x?poll=1'), ['poll'])).toBeUndefined();
  });
});
