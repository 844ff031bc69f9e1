import { describe, expect, it } from '@jest/globals';
import { networkInterfaces } from 'node:os';
import { findAddress, parseAdvertise } from './advertised-address.js';

const registry = (authority: string) => ({ uri: '', scheme: 'etcd', authority, path: 'orders', params: {} });
const outside = Object.values(networkInterfaces())
  .flatMap((entries) => entries ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);

describe('the address that is advertised', () => {
  it('is the one that the server listens on', async () => {
    expect(await findAddress({ address: '127.0.0.1', port: 4_001 }, registry('10.0.0.9:2379'))).toBe(
      '127.0.0.1',
    );
  });

  it('is that of the name that it listens on: everybody has a localhost', async () => {
    const found = await findAddress({ address: 'localhost', port: 4_001 }, registry('10.0.0.9:2379'));
    expect(['127.0.0.1', '::1']).toContain(found);
  });

  it('is unknown while nobody knows the name that it listens on', async () => {
    await expect(
      findAddress({ address: 'nobody.invalid', port: 4_001 }, registry('10.0.0.9:2379')),
    ).rejects.toThrow('nobody.invalid');
  });

  it.each(['::', '0:0:0:0:0:0:0:0'])(
    'is looked for when it listens on all, written as %s',
    async (address) => {
      const found = await findAddress({ address, port: 4_001 }, registry('127.0.0.1:2379'));
      expect(found).not.toBe(address);
    },
  );

  it('is one to the outside when it listens on all, and the registry is on this machine', async () => {
    const found = await findAddress({ address: '0.0.0.0', port: 4_001 }, registry('u:p@127.0.0.1:2379'));
    expect(outside.length === 0 ? ['127.0.0.1'] : outside).toContain(found);
  });

  it('is found, too, when the registry has a name that nobody knows', async () => {
    const found = await findAddress({ address: '0.0.0.0', port: 4_001 }, registry('registry.invalid:2379'));
    expect(outside.length === 0 ? ['127.0.0.1'] : outside).toContain(found);
  });

  it.each<[string, unknown]>([
    ['orders.internal', { host: 'orders.internal', port: undefined }],
    ['10.0.0.1:4001', { host: '10.0.0.1', port: 4_001 }],
    ['::1', { host: '::1', port: undefined }],
    ['[::1]:4001', { host: '::1', port: 4_001 }],
  ])('may be given as %s', (text, value) => {
    expect(parseAdvertise(text)).toEqual({ ok: true, value });
  });

  it.each(['', 'a b', '10.0.0.1:0', 'host:port'])('may not be "%s"', (text) => {
    expect(parseAdvertise(text).ok).toBe(false);
  });
});
