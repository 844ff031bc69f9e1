import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { resolveEndpoint } from '../cluster/endpoint.js';
import { summarizeProblems, validateEndpoints } from './endpoint-validation.js';

const problemOf = (entry: unknown) => {
  const { endpoints, problems } = validateEndpoints([entry]);
  expect(endpoints).toEqual([]);
  return summarizeProblems(problems);
};

describe('validateEndpoints', () => {
  it('takes a node in each of the ways it may be written', () => {
    const { endpoints, problems } = validateEndpoints([
      '10.0.0.1:4001',
      '[::1]:4001; weight=0.5 ;zone=eu-1a;draining=true',
      { host: 'Orders.Internal', port: 80, weight: 0, metadata: { version: '1.4' } },
      { address: '[2001:db8:0::1]:80', zone: 'b' },
      { host: 'h', port: 1, zone: undefined },
    ]);
    expect(problems).toEqual([]);
    expect(endpoints).toEqual([
      { host: '10.0.0.1', port: 4001 },
      { host: '::1', port: 4001, weight: 0.5, zone: 'eu-1a', draining: true },
      { host: 'orders.internal', port: 80, weight: 0, metadata: { version: '1.4' } },
      { host: '2001:db8::1', port: 80, zone: 'b' },
      { host: 'h', port: 1 },
    ]);
  });

  it.each([
    [7, '#0: expected host:port or { host, port }, got 7'],
    [['h:1'], '#0: expected host:port or { host, port }, got an array of 1'],
    [{}, '#0 host: expected a host name or an IP address, got undefined'],
    [{ host: 'a b', port: 1 }, '#0 host: not a host name or an IP address: "a b"'],
    [{ host: 'h', port: 70_000 }, '#0 port: port out of range: 70000 (1–65535)'],
    [{ host: 'h', port: '80' }, '#0 port: expected a port (1–65535), got "80"'],
    [{ host: 'h', port: 1, weight: -1 }, '#0 weight: expected a number from 0 to 65535, got -1'],
    [{ host: 'h', port: 1, weight: NaN }, '#0 weight: expected a number from 0 to 65535, got NaN'],
    [{ host: 'h', port: 1, weight: Infinity }, '#0 weight: expected a number from 0 to 65535, got Infinity'],
    [{ host: 'h', port: 1, weight: null }, '#0 weight: expected a number from 0 to 65535, got null'],
    [{ host: 'h', port: 1, zone: '' }, '#0 zone: expected a string of 1 to 255 characters, got ""'],
    [{ host: 'h', port: 1, draining: 'yes' }, '#0 draining: expected true or false, got "yes"'],
    [{ host: 'h', port: 1, metadata: [] }, '#0 metadata: expected an object of strings, got an empty array'],
    [{ host: 'h', port: 1, metadata: { v: 1.4 } }, '#0 metadata: expected a string as "v", got 1.4'],
    [
      JSON.parse('{"host":"h","port":1,"metadata":{"__proto__":"x"}}'),
      '#0 metadata: not a name for an entry: "__proto__"',
    ],
    [
      { host: 'h', port: 1, metadata: { v: 'x'.repeat(2_000) } },
      '#0 metadata: expected at most 1024 characters as "v", got 2000',
    ],
    [{ address: 'h' }, '#0: address: expected a port after the host (host:4001), got "h"'],
    [{ address: 'h:1', port: 2 }, '#0: expected either "address" or "host" and "port", got both'],
    ['h:1;wieght=2', '#0: expected ;name=value with one of weight, zone, priority, draining, got "wieght=2"'],
    ['h:1;region=1', '#0: expected ;name=value with one of weight, zone, priority, draining, got "region=1"'],
    ['h:1;priority=1.5', '#0 priority: expected an integer from 0 to 65535, got 1.5'],
    ['h:1;weight=2;weight=3', '#0: "weight" is given twice'],
    ['h:1;weight=0x10', '#0 weight: expected a number from 0 to 65535, got "0x10"'],
    [
      'h:1;host=evil',
      '#0: expected ;name=value with one of weight, zone, priority, draining, got "host=evil"',
    ],
  ])('refuses %j', (entry, problem) => expect(problemOf(entry)).toBe(problem));

  it('drops only the bad ones, and says which', () => {
    const { endpoints, problems } = validateEndpoints(['a:1', 'b:0', 'c:3', null]);
    expect(endpoints.map(({ host }) => host)).toEqual(['a', 'c']);
    expect(problems.map(({ index, kind }) => [index, kind])).toEqual([
      [1, 'invalid'],
      [3, 'invalid'],
    ]);
  });

  it('keeps the first of two that are the same node, however they are spelt', () => {
    const { endpoints, problems } = validateEndpoints(['[::1]:1;weight=2', '[0:0:0::1]:1', 'H:1', 'h:1']);
    expect(endpoints).toEqual([
      { host: '::1', port: 1, weight: 2 },
      { host: 'h', port: 1 },
    ]);
    expect(problems.map(({ index, kind, message }) => [index, kind, message])).toEqual([
      [1, 'duplicate', '[::1]:1 is in the list already (#0); the first one is used'],
      [3, 'duplicate', 'h:1 is in the list already (#2); the first one is used'],
    ]);
  });

  it('uses a node with an unknown field, without the field, and says so', () => {
    const { endpoints, problems } = validateEndpoints([{ host: 'h', port: 1, wieght: 2 }]);
    expect(endpoints).toEqual([{ host: 'h', port: 1 }]);
    expect(problems).toMatchObject([{ index: 0, kind: 'unknown-field', field: 'wieght' }]);
  });

  it('copies, so that whoever made the list cannot change it afterwards', () => {
    const metadata = { version: '1' };
    const { endpoints } = validateEndpoints([{ host: 'h', port: 1, metadata }]);
    metadata.version = '2';
    expect(endpoints[0]?.metadata).toEqual({ version: '1' });
  });

  it('survives any JSON, and what it lets through is complete', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (entries) => {
        const { endpoints, problems } = validateEndpoints(entries);
        expect(new Set(problems.map(({ index }) => index)).size).toBeGreaterThanOrEqual(
          entries.length - endpoints.length,
        );
        for (const endpoint of endpoints.map(resolveEndpoint)) {
          expect(endpoint).toMatchObject({
            host: expect.any(String),
            port: expect.any(Number),
            weight: expect.any(Number),
          });
        }
      }),
    );
  });
});

describe('summarizeProblems', () => {
  it('stays one line however many there are', () => {
    const { problems } = validateEndpoints(Array.from({ length: 1_000 }, () => 7));
    expect(summarizeProblems(problems)).toMatch(/^#0: [^;]+; #1: [^;]+; #2: [^;]+; and 997 more$/);
  });
});
