import { describe, expect, it } from '@jest/globals';
import type { SrvRecord } from './name-server.js';
import { srvNodes } from './srv-nodes.js';

const record = (name: string, weight: number, priority = 0, port = 1): SrvRecord => ({
  name,
  port,
  priority,
  weight,
});
const weights = (records: SrvRecord[]): (number | undefined)[] =>
  srvNodes(records, new Map(records.map(({ name }) => [name, [name]]))).map(({ weight }) => weight);

describe('srvNodes', () => {
  it('gives each address of each host its own node, with port and priority of the record', () => {
    const addressesOf = new Map([
      ['a', ['10.0.0.1', 'fd00::1']],
      ['b', ['10.0.0.2']],
    ]);
    expect(srvNodes([record('b', 1, 20, 8), record('a', 6, 10, 7)], addressesOf)).toEqual([
      { host: '10.0.0.1', port: 7, priority: 10, weight: 3, metadata: { hostname: 'a' } },
      { host: 'fd00::1', port: 7, priority: 10, weight: 3, metadata: { hostname: 'a' } },
      { host: '10.0.0.2', port: 8, priority: 20, weight: 1, metadata: { hostname: 'b' } },
    ]);
  });

  it('is the same in whatever order the records come', () => {
    const records = [
      record('a', 1),
      record('b', 2, 1),
      record('a', 3, 0, 2),
      record('c', 0),
      record('a', 5, 1),
    ];
    const addressesOf = new Map(['a', 'b', 'c'].map((name) => [name, [`ip-${name}`]]));
    expect(srvNodes([...records].reverse(), addressesOf)).toEqual(srvNodes(records, addressesOf));
  });

  it('takes the better priority of two records for the same node', () => {
    const both = new Map([
      ['a', ['10.0.0.1']],
      ['b', ['10.0.0.1']],
    ]);
    expect(srvNodes([record('a', 1, 5), record('b', 1, 2)], both)).toMatchObject([{ priority: 2 }]);
  });

  it('leaves out hosts without addresses', () => {
    expect(srvNodes([record('a', 1)], new Map())).toEqual([]);
  });

  it.each([
    ['alike where all have 0', [0, 0, 0], [1, 1, 1]],
    ['one share more than the sum of the others where some have 0 (RFC 2782)', [5, 0, 4], [5, 1, 4]],
    ['which all of weight 0 share', [8, 0, 0], [8, 0.5, 0.5]],
  ])('weighs them %s', (_, given, expected) => {
    expect(weights(given.map((weight, index) => record(`host-${index}`, weight)))).toEqual(expected);
  });

  it('weighs each priority for itself', () => {
    expect(weights([record('a', 0, 1), record('b', 7, 2)])).toEqual([1, 7]);
  });
});
