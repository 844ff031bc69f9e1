import { describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { RequestContext } from './request-context.js';

const SECRET = 'Bearer do-not-log-me';

describe('RequestContext', () => {
  it('is there for all that a run starts, and nowhere else', async () => {
    const context = new RequestContext({ requestId: 'r-1' });
    const later = RequestContext.run(context, async () => {
      await sleep(1);
      return RequestContext.current();
    });
    expect(RequestContext.current()).toBeUndefined();
    expect(await later).toBe(context);
  });

  it('keeps runs at once apart', async () => {
    const seen = await Promise.all(
      ['a', 'b', 'c'].map((requestId, index) =>
        RequestContext.run(new RequestContext({ requestId }), async () => {
          await sleep(3 - index);
          return RequestContext.current()?.requestId;
        }),
      ),
    );
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('is stored where a second copy of the package finds it', () => {
    const storage = (globalThis as any)[Symbol.for('nestjs-load-balancer.request-context')];
    expect(storage).toBeInstanceOf(AsyncLocalStorage);
    const context = new RequestContext();
    expect(RequestContext.run(context, () => storage.getStore())).toBe(context);
  });

  it('makes up a request id of its own, once', () => {
    const context = new RequestContext();
    expect(context.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(context.requestId).toBe(context.requestId);
    expect(new RequestContext().requestId).not.toBe(context.requestId);
  });

  it('reads its source once, and not before it is asked something', () => {
    let reads = 0;
    const context = new RequestContext(() => {
      reads++;
      return { traceparent: 't', entries: [['x-tenant', 't1']] };
    });
    RequestContext.run(context, () => RequestContext.current());
    expect(reads).toBe(0);
    expect([context.traceparent, context.get('x-tenant'), context.requestId.length]).toEqual(['t', 't1', 36]);
    expect(reads).toBe(1);
  });

  it('counts down to its deadline and stays at 0', () => {
    const context = new RequestContext({ deadline: 1_000 });
    expect(context.remaining(400)).toBe(600);
    expect(context.remaining(1_000.5)).toBe(0);
    expect(new RequestContext().remaining()).toBeUndefined();
  });

  it('shows what it knows in logs', () => {
    const context = new RequestContext(
      { requestId: 'r-1', traceparent: 'tp', tracestate: 'ts', baggage: 'b', entries: [['x-tenant', 't1']] },
      { address: '10.0.0.7', port: 4_000, tls: undefined },
    );
    expect(JSON.parse(JSON.stringify(context))).toEqual({
      requestId: 'r-1',
      traceparent: 'tp',
      tracestate: 'ts',
      baggage: 'b',
      entries: { 'x-tenant': 't1' },
      peer: { address: '10.0.0.7', port: 4_000 },
    });
    expect(inspect(context)).toContain("requestId: 'r-1'");
  });

  it('shows no authorization and no value of a key that looks secret, however it is printed', () => {
    const context = new RequestContext({
      authorization: SECRET,
      entries: [
        ['cookie', `sid=${SECRET}`],
        ['x-api-key', SECRET],
      ],
    });
    const prints = [
      JSON.stringify(context),
      JSON.stringify(Object.assign({}, context)),
      inspect(context, { showHidden: true, depth: 10 }),
      inspect({ nested: { context } }, { depth: 10 }),
    ];
    for (const print of prints) expect(print).not.toContain('do-not-log-me');
    expect(context.authorization).toBe(SECRET);
    expect(context.toJSON().entries).toEqual({ cookie: '[redacted]', 'x-api-key': '[redacted]' });
  });
});
