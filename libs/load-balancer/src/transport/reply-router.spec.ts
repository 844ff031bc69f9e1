import { describe, expect, it } from '@jest/globals';
import { ClientTCP } from '@nestjs/microservices';
import fc from 'fast-check';
import { Observable } from 'rxjs';
import type { ReplyHandler } from './node-transport.js';
import { deliverReply, toEnvelope } from './reply-router.js';

const ID = 'the request';

/** What Nest's own client makes of the messages, for the caller of the request `ID`. */
async function asNestDoes(messages: readonly unknown[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  const client = new ClientTCP({}) as any;
  new Observable((observer) => {
    client.routingMap.set(ID, client.createObserver(observer));
    return () => client.routingMap.delete(ID);
  }).subscribe({
    next: (value: unknown) => seen.push(['next', value]),
    complete: () => seen.push(['complete']),
    error: (error: unknown) => seen.push(['error', error]),
  });
  for (const message of messages) await client.handleResponse(message);
  return seen;
}

function asWeDo(messages: readonly unknown[]): unknown[] {
  const seen: unknown[] = [];
  const handler: ReplyHandler = {
    next: (value, last) => void seen.push(['next', value], ...(last ? [['complete']] : [])),
    complete: () => void seen.push(['complete']),
    error: (error) => void seen.push(['error', error]),
    lost: () => undefined,
  };
  const waiting = new Map<unknown, ReplyHandler>([[ID, handler]]);
  for (const message of messages) {
    const envelope = toEnvelope(message);
    const reply = waiting.get(envelope.id);
    if (reply && deliverReply(reply, envelope)) waiting.delete(envelope.id);
  }
  return seen;
}

const anything = fc.jsonValue({ maxDepth: 2 });
const sometimes = (key: string, value: fc.Arbitrary<unknown>) =>
  fc.option(
    value.map((of) => ({ [key]: of })),
    { nil: {} },
  );
/** Replies as Nest writes them, as foreign servers do, and everything in between. */
const message = fc.oneof(
  anything,
  fc
    .tuple(
      sometimes('id', fc.oneof({ weight: 4, arbitrary: fc.constant(ID) }, anything)),
      sometimes('err', anything),
      sometimes('response', anything),
      sometimes('isDisposed', fc.oneof(fc.boolean(), anything)),
      sometimes('status', anything),
      fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.dictionary(fc.string(), anything)),
    )
    .map((parts): unknown => Object.assign({}, ...parts)),
);

it('makes of any messages what Nest makes of them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 4 }), async (messages) => {
      expect(asWeDo(messages)).toEqual(await asNestDoes(messages));
    }),
    { numRuns: 500 },
  );
});

describe('what a foreign server sends', () => {
  it('is the answer as a whole, even if it looks like an envelope here and there', () => {
    const foreign = { id: ID, response: 1, err: 'x', isDisposed: true, total: 3 };
    expect(toEnvelope(foreign)).toEqual({ id: ID, response: foreign, isDisposed: true });
  });

  it('is left alone when it is an envelope of Nest', () => {
    const reply = { id: ID, response: 1, isDisposed: true };
    expect(toEnvelope(reply)).toBe(reply);
  });
});

describe('a stream', () => {
  it('gives each value, the last one with the end when they come together', () => {
    const messages = [
      { id: ID, response: 1 },
      { id: ID, response: 2 },
      { id: ID, response: 3, isDisposed: true },
      { id: ID, response: 4 },
    ];
    expect(asWeDo(messages)).toEqual([['next', 1], ['next', 2], ['next', 3], ['complete']]);
  });

  it('may end without a further value, or with an error', () => {
    expect(
      asWeDo([
        { id: ID, response: 1 },
        { id: ID, isDisposed: true },
      ]),
    ).toEqual([['next', 1], ['complete']]);
    expect(
      asWeDo([
        { id: ID, response: 1 },
        { id: ID, err: 'no' },
        { id: ID, response: 2 },
      ]),
    ).toEqual([
      ['next', 1],
      ['error', 'no'],
    ]);
  });
});

describe('a trailer', () => {
  const reply = { id: ID, response: 1, isDisposed: true, lb: { draining: true } };

  it('makes a reply foreign unless the server is known to send trailers', () => {
    expect(toEnvelope(reply)).toEqual({ id: ID, response: reply, isDisposed: true });
    expect(toEnvelope(reply, true)).toBe(reply);
    expect(asWeDo([reply])).toEqual([['next', reply], ['complete']]);
  });

  it('does not make a message with another key an envelope', () => {
    const foreign = { ...reply, total: 3 };
    expect(toEnvelope(foreign, true)).toEqual({ id: ID, response: foreign, isDisposed: true });
  });

  it('may come alone, as a notice, and is no answer then', () => {
    const notice = { lb: { draining: true } };
    expect(toEnvelope(notice, true)).toBe(notice);
  });

  it('is handed over with an error, whose meaning depends on it', () => {
    const errors: unknown[] = [];
    const handler: ReplyHandler = {
      next: () => undefined,
      complete: () => undefined,
      error: (error, trailer) => void errors.push([error, trailer]),
      lost: () => undefined,
    };
    expect(deliverReply(handler, { err: 'busy' }, { refused: 'overloaded' })).toBe(true);
    expect(errors).toEqual([['busy', { refused: 'overloaded' }]]);
  });
});
