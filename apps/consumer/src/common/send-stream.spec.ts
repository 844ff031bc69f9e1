import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Observable, of, throwError } from 'rxjs';
import { sendStream } from './send-stream.js';

describe('sendStream', () => {
  let server: Server;
  afterEach(() => void server.close());

  /** Serves the source once, and tells how sending it ended. */
  async function serve(
    source: Observable<object>,
  ): Promise<{ answer: Promise<IncomingMessage>; sent: Promise<unknown> }> {
    let settle: (outcome: unknown) => void;
    const sent = new Promise<unknown>((resolve) => {
      settle = resolve;
    });
    server = createServer((_request, response: ServerResponse) => {
      sendStream(source, response).then(
        () => settle('done'),
        (error: unknown) => {
          settle(error);
          response.destroy();
        },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      get({ port: (server.address() as AddressInfo).port, agent: false }, resolve).on('error', reject);
    });
    answer.catch(() => undefined);
    return { answer, sent };
  }

  it('answers with a line for each emission', async () => {
    const { answer, sent } = await serve(of({ n: 1 }, { n: 2 }));
    const response = await answer;
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(response.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    expect(text).toBe('{"n":1}\n{"n":2}\n');
    await expect(sent).resolves.toBe('done');
  });

  it('answers with nothing to no emission', async () => {
    const { answer, sent } = await serve(of());
    (await answer).resume();
    await expect(sent).resolves.toBe('done');
  });

  it('throws what fails before the first line, so that it can be answered otherwise', async () => {
    const problem = { code: 'UNKNOWN_COUNTRY' };
    const { sent } = await serve(throwError(() => problem));
    await expect(sent).resolves.toBe(problem);
  });

  it('throws what fails half-way', async () => {
    const problem = { code: 'CONNECTION_LOST' };
    const source = new Observable<object>((subscriber) => {
      subscriber.next({ n: 1 });
      setTimeout(() => subscriber.error(problem), 20);
    });
    const { answer, sent } = await serve(source);
    (await answer).resume().on('error', () => undefined);
    await expect(sent).resolves.toBe(problem);
  });

  it.each([
    ['before the first line', false],
    ['half-way', true],
  ])('unsubscribes when the client goes away %s, which is no error', async (_when, begun) => {
    let unsubscribed = false;
    let subscribed: () => void;
    const asked = new Promise<void>((resolve) => {
      subscribed = resolve;
    });
    const source = new Observable<object>((subscriber) => {
      if (begun) subscriber.next({ n: 1 });
      subscribed();
      return () => {
        unsubscribed = true;
      };
    });
    const { answer, sent } = await serve(source);
    await asked;
    if (begun) (await answer).destroy();
    else server.closeAllConnections();
    await expect(sent).resolves.toBe('done');
    expect(unsubscribed).toBe(true);
  });
});
