import { describe, expect, it } from '@jest/globals';
import { defer, delay, finalize, lastValueFrom, map, NEVER, of, throwError } from 'rxjs';
import { RequestContext } from './request-context.js';
import { withinContext } from './within-context.js';

const id = () => RequestContext.current()?.requestId;

describe('withinContext', () => {
  const context = new RequestContext({ requestId: 'r-1' });

  it('makes, subscribes and goes on within the context', async () => {
    const values = withinContext(context, () => {
      const made = id();
      return defer(() => of([made, id()])).pipe(
        delay(1),
        map((seen) => [...seen, id()]),
      );
    });
    expect(await lastValueFrom(values)).toEqual(['r-1', 'r-1', 'r-1']);
    expect(id()).toBeUndefined();
  });

  it('makes nothing before it is subscribed to, and everything anew each time', async () => {
    let made = 0;
    const values = withinContext(context, () => of(++made));
    expect(made).toBe(0);
    expect([await lastValueFrom(values), await lastValueFrom(values)]).toEqual([1, 2]);
  });

  it('hands on errors and the end of the subscription', async () => {
    const failing = withinContext(context, () => throwError(() => new Error('no')));
    await expect(lastValueFrom(failing)).rejects.toThrow('no');

    let tornDown = false;
    const endless = withinContext(context, () => NEVER.pipe(finalize(() => (tornDown = true))));
    endless.subscribe().unsubscribe();
    expect(tornDown).toBe(true);
  });
});
