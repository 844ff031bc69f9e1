import { beforeEach, describe, expect, it } from '@jest/globals';
import { AvailabilityLog } from './availability-log.js';

let lines: string[];
let now: number;
let log: AvailabilityLog;

beforeEach(() => {
  lines = [];
  now = 1_000;
  const logger = {
    log: (message: string) => lines.push(`LOG ${message}`),
    warn: (message: string) => lines.push(`WARN ${message}`),
  };
  log = new AvailabilityLog(logger, 'orders', () => now);
});

const DOWN = { mayServe: () => false, explain: () => 'orders: no node can take the call' };
const MAY_SERVE = { mayServe: () => true, explain: () => 'never asked' };

describe('AvailabilityLog', () => {
  it('writes one line when the service goes down and one when it is up again, however often it is told', () => {
    for (const ready of [true, true, false, false, false]) log.changed(ready, DOWN);
    now += 12_345;
    for (const ready of [true, true]) log.changed(ready, DOWN);
    expect(lines).toEqual([
      'WARN The service is down. orders: no node can take the call',
      'LOG orders: the service is up again after 12.3 s',
    ]);
  });

  it('writes one for each time', () => {
    for (const ready of [false, true, false, true]) log.changed(ready, DOWN);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['WARN', 'LOG', 'WARN', 'LOG']);
  });

  it('is silent while nodes that are not connected yet may serve, until they turn out not to', () => {
    log.changed(false, MAY_SERVE);
    expect(lines).toEqual([]);
    log.changed(false, DOWN);
    expect(lines).toHaveLength(1);
  });

  it('is silent about a service that starts up', () => {
    log.changed(true, MAY_SERVE);
    expect(lines).toEqual([]);
  });
});
