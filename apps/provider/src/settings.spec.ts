import { describe, expect, it } from '@jest/globals';
import { readSettings } from './settings.js';

describe('readSettings', () => {
  it('has defaults', () => {
    expect(readSettings({})).toEqual({
      host: '127.0.0.1',
      port: 4001,
      node: 'cities-4001',
      register: undefined,
    });
  });

  it('takes what the environment says', () => {
    expect(
      readSettings({ HOST: '::', PORT: '65535', NODE_NAME: 'node-1', REGISTER: 'etcd://e/cities' }),
    ).toEqual({
      host: '::',
      port: 65_535,
      node: 'node-1',
      register: 'etcd://e/cities',
    });
  });

  it('is called as its machine or container is when others can reach it, since there are many with its port', () => {
    expect(readSettings({ HOST: '0.0.0.0' }, '3f2a9c0d1e4b').node).toBe('3f2a9c0d1e4b');
    expect(readSettings({ HOST: '::' }, `${'x'.repeat(63)}.example.com`).node).toBe('x'.repeat(63));
    for (const HOST of ['127.0.0.1', '127.0.1.1', '::1', 'localhost'])
      expect(readSettings({ HOST }, '3f2a9c0d1e4b').node).toBe('cities-4001');
  });

  it.each(['', 'abc', '0', '65536', '-1', '4001.5', ' 4001', '0x10'])('refuses the port "%s"', (PORT) => {
    expect(() => readSettings({ PORT })).toThrow(`PORT: expected an integer from 1 to 65535, got "${PORT}"`);
  });

  it.each(['', '-a', 'a b', 'a\nb', 'x'.repeat(64)])('refuses the name %j', (NODE_NAME) => {
    expect(() => readSettings({ NODE_NAME })).toThrow('NODE_NAME: expected up to 63 letters');
  });

  it('refuses an empty host', () => {
    expect(() => readSettings({ HOST: '' })).toThrow('HOST: expected an address');
  });
});
