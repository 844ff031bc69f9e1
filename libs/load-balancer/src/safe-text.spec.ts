import { describe, expect, it } from '@jest/globals';
import { describeValue, oneLine, redactUri } from './safe-text.js';

describe('redactUri', () => {
  it.each([
    ['etcd://root:s3cret@10.0.0.9:2379/orders', 'etcd://***@10.0.0.9:2379/orders'],
    ['etcd://ghp_token@10.0.0.9/orders', 'etcd://***@10.0.0.9/orders'],
    ['etcd://root:p@ss@10.0.0.9/orders', 'etcd://***@10.0.0.9/orders'],
    ['etcd://root:p/a?s#s@10.0.0.9/orders', 'etcd://***@10.0.0.9/orders'],
    ['etcd://root:12/3@10.0.0.9/orders', 'etcd://***@10.0.0.9/orders'],
    [
      'consul://h:8500/orders?tag=v2&token=abc&X-Api-Key=d',
      'consul://h:8500/orders?tag=v2&token=***&X-Api-Key=***',
    ],
  ])('hides the credentials of %s', (uri, redacted) => expect(redactUri(uri)).toBe(redacted));

  it.each([
    'static:///10.0.0.1:4001,[::1]:4002;weight=2',
    'etcd://10.0.0.1:2379,[fe80::1%25eth0]:2379/orders',
    'file:///etc/lb/a@b.json?poll=100',
    'not a uri',
  ])('leaves %s as it is', (text) => expect(redactUri(text)).toBe(text));
});

describe('describeValue', () => {
  it('shows scalars as written and other things by their kind', () => {
    expect(
      [undefined, null, NaN, 7n, true, 'a"b', [], [1, 2], {}, () => 0, Symbol('x')].map(describeValue),
    ).toEqual([
      'undefined',
      'null',
      'NaN',
      '7n',
      'true',
      '"a\\"b"',
      'an empty array',
      'an array of 2',
      'an object',
      'a function',
      'a symbol',
    ]);
  });

  it('shows no credentials and no more than a little of a long string', () => {
    expect(describeValue('etcd://root:s3cret@h/x')).toBe('"etcd://***@h/x"');
    expect(describeValue('x'.repeat(1_000_000)).length).toBeLessThan(70);
  });
});

describe('oneLine', () => {
  it('leaves no way to forge a second log line', () => {
    expect(oneLine('a\r\nERROR b\u2028c', 100)).toBe('a ERROR b c');
  });
});
