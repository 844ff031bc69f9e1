import { describe, expect, it } from '@jest/globals';
import { decodeNode, encodeNode } from './node-value.js';

const decode = (text: string) => decodeNode(Buffer.from(text));

describe('the value of a key', () => {
  it('is read as it is written', () => {
    const registration = {
      service: 'orders',
      host: '::1',
      port: 4_001,
      weight: 2,
      zone: 'a',
      priority: 1,
      version: '1.4.0',
      metadata: { team: 'shop' },
    };
    const text = encodeNode(registration);
    expect(JSON.parse(text)).toEqual({
      address: '[::1]:4001',
      weight: 2,
      zone: 'a',
      priority: 1,
      version: '1.4.0',
      metadata: { team: 'shop' },
    });
    expect(decode(text)).toEqual({
      ok: true,
      value: {
        host: '::1',
        port: 4_001,
        weight: 2,
        zone: 'a',
        priority: 1,
        metadata: { version: '1.4.0', team: 'shop' },
      },
    });
  });

  it('needs nothing but an address, may hold null, and fields of versions to come', () => {
    expect(decode('{"address":"10.0.0.1:4001","zone":null,"metadata":null,"shard":{"of":3}}')).toEqual({
      ok: true,
      value: { host: '10.0.0.1', port: 4_001 },
    });
  });

  it.each([
    ['', 'not JSON text'],
    ['nope', 'not JSON text'],
    ['"10.0.0.1:4001"', 'expected a JSON object with an "address"'],
    ['null', 'expected a JSON object with an "address"'],
    ['[]', 'expected a JSON object with an "address"'],
    ['{"host":"10.0.0.1","port":4001}', '"address" is missing'],
    ['{"address":4001}', 'address: got 4001'],
    ['{"address":"10.0.0.1"}', 'address: expected a port after the host (host:4001), got "10.0.0.1"'],
    ['{"address":"10.0.0.1:4001","version":2}', 'metadata: expected a string as "version", got 2'],
    [
      '{"address":"10.0.0.1:4001","metadata":["a"]}',
      'metadata: expected an object of strings, got an array of 1',
    ],
    ['{"address":"10.0.0.1:4001","draining":"no"}', 'draining: expected true or false, got "no"'],
  ])('%s is refused', (text, problem) => {
    expect(decode(text)).toEqual({ ok: false, problem });
  });

  it('is refused when it is no UTF-8, or endless', () => {
    expect(decodeNode(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual({ ok: false, problem: 'not JSON text' });
    expect(decode(`{"a":"${'x'.repeat(200_000)}"}`)).toMatchObject({ ok: false });
  });

  it('cannot reach the prototype of anything', () => {
    decode('{"address":"10.0.0.1:4001","__proto__":{"polluted":true},"metadata":{"__proto__":"x"}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
