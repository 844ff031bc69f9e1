import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, delay, from, of, throwError, timer } from 'rxjs';
import type { Observable } from 'rxjs';
import { until } from '../testing/until.js';
import { closeAll, startServer, WireClient } from './wire.spec.fixture.js';

afterEach(closeAll);

/** The replies to a request whose handler returns this, without their id. */
async function framesOf(stream: Observable<unknown>) {
  const { port, logged, server } = await startServer({ stream: () => stream });
  const client = await WireClient.stock(port);
  client.send({ id: '1', pattern: 'stream' });
  await until(() => client.repliesTo('1').some(({ isDisposed }) => isDisposed === true));
  await client.probe();
  expect((server as any).workload.messages).toBe(0);
  return {
    logged,
    frames: client.repliesTo('1').map((reply) => {
      const { id, ...rest } = reply;
      expect(id).toBe('1');
      return rest;
    }),
  };
}

const later = (value: unknown): Observable<unknown> => of(value).pipe(delay(2));
const cycle: Record<string, unknown> = {};
cycle.self = cycle;

describe('what an Observable emits', () => {
  it.each<[string, Observable<unknown>, unknown[]]>([
    ['one value: one reply', of('a'), [{ response: 'a', isDisposed: true }]],
    ['one value, later', later('a'), [{ response: 'a', isDisposed: true }]],
    ['several in one tick', from(['a', 'b']), [{ response: 'a' }, { response: 'b', isDisposed: true }]],
    [
      'several over time',
      concat(later('a'), later('b')),
      [{ response: 'a' }, { response: 'b', isDisposed: true }],
    ],
    [
      'a value, and the end later',
      concat(of('a'), timer(5).pipe(delay(1))),
      [{ response: 'a' }, { response: 0, isDisposed: true }],
    ],
    ['nothing', from([]), [{ isDisposed: true }]],
    ['an error', throwError(() => 'sold out'), [{ err: 'sold out', isDisposed: true }]],
    [
      'an error after a value',
      concat(
        of('a'),
        throwError(() => 'sold out'),
      ),
      [{ response: 'a' }, { err: 'sold out', isDisposed: true }],
    ],
  ])('%s', async (_what, stream, frames) => expect((await framesOf(stream)).frames).toEqual(frames));

  it('ends with an error where a value cannot be written, and is not followed any further', async () => {
    const { frames, logged } = await framesOf(concat(of('a'), of(cycle), of('b'), later('c')));
    expect(frames).toEqual([
      { response: 'a' },
      { err: { status: 'error', message: 'Internal server error' }, isDisposed: true },
    ]);
    expect(logged.join()).toContain('circular');
  });
});
