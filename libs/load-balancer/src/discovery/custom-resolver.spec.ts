import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { exhaustMap, timer } from 'rxjs';
import { FakeService } from '../testing/fake-service.js';
import type { Endpoint } from '../cluster/endpoint.js';
import type { Resolver, Target } from './resolver.js';

/** What the database answers; an error is thrown. */
let answer: Endpoint[] | Error;
const asked: string[] = [];

async function queryNodes(table: string): Promise<Endpoint[]> {
  asked.push(table);
  if (answer instanceof Error) throw answer;
  return answer;
}

class DatabaseResolver implements Resolver {
  readonly schemes = ['db'];

  watch(target: Target) {
    return timer(0, 5_000).pipe(exhaustMap(() => queryNodes(target.path))); // [{ host: '10.0.0.1', port: 4001, zone: 'a' }]
  }
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  asked.length = 0;
});

afterEach(() => {
  jest.useRealTimers();
});

const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

it.each(['README.md', 'docs/discovery.md'])('is written as %s shows it', (document) => {
  const root = new URL('../../../../', import.meta.url);
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const shown = /^class DatabaseResolver[^]*?^}/m.exec(source)?.[0] ?? 'no class';
  expect(readFileSync(new URL(document, root), 'utf8')).toContain(shown);
});

it('has last good set, back-off and events from the library', async () => {
  answer = [{ host: '10.0.0.1', port: 4001, zone: 'a' }];
  const service = new FakeService({}, { resolvers: [DatabaseResolver], target: 'db:///orders' });
  await after(0);
  expect(service.upstream.snapshot()).toMatchObject({
    discovery: { target: 'db:///orders', state: 'ok', age: 0 },
    nodes: [{ key: '10.0.0.1:4001' }],
  });

  answer = new Error('the database is away');
  await after(5_000);
  expect(service.upstream.snapshot()).toMatchObject({
    discovery: { state: 'failing', error: 'the database is away', age: 5_000 },
    nodes: [{ key: '10.0.0.1:4001' }],
  });
  await after(20_000);
  // 1 s, × 1.6 each time, ± 20 %: three or four attempts, not one every 5 s, and one warning.
  expect(asked.length).toBeGreaterThanOrEqual(5);
  expect(asked.length).toBeLessThanOrEqual(8);
  expect(service.logs).toEqual(['orders: db:///orders: the database is away']);

  answer = [{ host: '10.0.0.2', port: 4001 }];
  await after(30_000);
  expect(service.upstream.snapshot()).toMatchObject({
    discovery: { state: 'ok', error: undefined },
    nodes: [{ key: '10.0.0.2:4001' }],
  });
  expect(service.events.map(({ type }) => type).filter((type) => type.startsWith('resolve'))).toEqual([
    'resolved',
    'resolve-failed',
    'resolved',
  ]);
  void service.upstream.close();
});
