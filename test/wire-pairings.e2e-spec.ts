/**
 * Nest's TCP protocol between every kind of client and every kind of server: whoever speaks it must understand whoever else
 * does, however the bytes are cut on their way.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seededRandom } from '../libs/load-balancer/src/testing/seeded-random.js';
import type { Told } from './support/calls.js';
import { ChoppingProxy } from './support/chopping-proxy.js';
import type { Caller } from './support/wire.js';
import { CLIENTS, emit, send, SERVERS, Wire } from './support/wire.js';

const TAKE = { event: 'take' };

/** A frame's length counts UTF-16 code units: each of these has another number of bytes, characters or code units. */
const TEXTS: Readonly<Record<string, string>> = {
  'two bytes': 'Grüße, ñandú',
  'three bytes': '日本語 €',
  'astral characters': '🚀 𝄞 👩‍👩‍👧‍👦 🇩🇪',
  'a high surrogate without its low one': 'a\ud83d',
  'a low surrogate without its high one': '\ude80b',
  'surrogates in the wrong order': '\ude80\ud83d',
  'a byte order mark at the start': '\ufeffx',
  'line separators and control characters': '\u2028\u2029\u0000\u001f\u007f\u0085\r\n\t',
  'composed and combining': 'é e\u0301',
  'noncharacters and the replacement character': '\ufffe\uffff\ufffd',
  'what looks like a frame': '7#"#"}{12#',
  'what JSON escapes': '"\\/\b\f',
};

const answered = (...values: unknown[]): Told => ({ values, errors: [], completions: 1 });
const failed = (error: unknown): Told => ({ values: [], errors: [error], completions: 0 });

let wire: Wire;
beforeAll(async () => {
  wire = await Wire.start();
});
afterAll(() => wire.stop());

describe.each(SERVERS)('a server that is %s', (server) => {
  describe.each(CLIENTS)('and a client that is %s', (client) => {
    let call: Caller;
    beforeAll(async () => {
      call = await wire.caller(client, wire.port(server));
    });

    it('exchange requests, of values and of promises', async () => {
      const values = [0, -1.5e300, '', 'x', false, null, [], [null, [1]], { deep: { a: [{ b: null }] } }];
      const sent = values.filter((value) => value !== null);

      expect(await call(...sent.map((value) => send('echo', value)))).toEqual(sent.map((v) => answered(v)));
      expect(await call(...values.map((value) => send({ cmd: 'später 🚀' }, { value })))).toEqual(
        values.map((value) => answered({ value })),
      );
    });

    it('exchange streams, several at once, each with all its values in order', async () => {
      const many = Array.from({ length: 100 }, (_, index) => index);

      expect(
        await call(
          send('each', many),
          send('each later', ['a', { b: 1 }, null, 'c']),
          send('each later', many),
          send('each', []),
        ),
      ).toEqual([answered(...many), answered('a', { b: 1 }, null, 'c'), answered(...many), answered()]);
    });

    it('exchange events', async () => {
      const keys = [0, 1, 2].map((index) => `${server}, ${client}, event ${index}`);

      const emitted = await call(...keys.map((key) => emit(TAKE, { key, value: { of: key, text: '🚀' } })));
      const taken = await call(...keys.map((key) => send('taken', key)));

      expect(emitted).toMatchObject(keys.map(() => ({ errors: [], completions: 1 })));
      expect(taken).toEqual(keys.map((key) => answered({ of: key, text: '🚀' })));
    });

    it('agree on what went wrong in a handler', async () => {
      expect(
        await call(
          send('refuse', { code: 42, reason: 'ausverkauft 🚀' }),
          send('refuse', 'sold out'),
          send('fail', {}),
          send('each, then fail', [1, 2]),
        ),
      ).toEqual([
        failed({ code: 42, reason: 'ausverkauft 🚀' }),
        failed({ status: 'error', message: 'sold out' }),
        failed({ status: 'error', message: 'Internal server error' }),
        { values: [1, 2], errors: [{ status: 'error', message: 'no more' }], completions: 0 },
      ]);
    });

    it('agree that nobody handles a pattern, and go on', async () => {
      const noHandler = 'There is no matching message handler defined in the remote service.';

      expect(
        await call(
          send('unheard of', {}),
          send({ cmd: 'unheard of' }, {}),
          emit('unheard of', {}),
          send('echo', 'still there'),
        ),
      ).toMatchObject([
        failed(noHandler),
        failed(noHandler),
        { errors: [], completions: 1 },
        answered('still there'),
      ]);
    });

    it.each(Object.keys(TEXTS))('leave text as it is: %s', async (name) => {
      const text = TEXTS[name]!;
      const data = { [text]: text, list: [text, text] };

      // Two frames, so that a wrong length of the first is found out by the second.
      expect(await call(send('echo', data), send('echo', text))).toEqual([answered(data), answered(text)]);
    });

    it('exchange a message of 1 MB, both ways', async () => {
      const texts = ['x'.repeat(1024 * 1024), 'aé€🚀'.repeat(100_000)];

      for (const text of texts) {
        const [told] = await call(send('echo', text));
        // Not toEqual(): its report of a difference would be of that size, too.
        expect(told!.values[0] === text).toBe(true);
        expect(told).toMatchObject({ errors: [], completions: 1 });
      }
    });

    it('give each of 1 000 calls at once its own answer', async () => {
      const calls = Array.from({ length: 1_000 }, (_, index) => send('echo', { index }));

      expect(await call(...calls)).toEqual(calls.map(({ data }) => answered(data)));
    });

    it('understand each other when the bytes come one at a time', async () => {
      const proxy = await ChoppingProxy.to(wire.port(server), () => 1);
      try {
        const chopped = await wire.caller(client, proxy.port);
        const text = Object.values(TEXTS).join('');
        const key = `${server}, ${client}, byte by byte`;

        expect(
          await chopped(
            send('echo', text),
            send('each', [1, '🚀']),
            send('refuse', { code: 'ä' }),
            emit(TAKE, { key, value: '€' }),
            send('taken', key),
          ),
        ).toMatchObject([
          answered(text),
          answered(1, '🚀'),
          failed({ code: 'ä' }),
          { errors: [], completions: 1 },
          answered('€'),
        ]);
      } finally {
        proxy.close();
      }
    });

    it('understand each other wherever the bytes are cut', async () => {
      const random = seededRandom(1);
      // Now a few bytes, now most of what there is.
      const proxy = await ChoppingProxy.to(wire.port(server), () => Math.ceil(2 ** (random() * 16)));
      try {
        const chopped = await wire.caller(client, proxy.port);
        const texts = [1, 10, 100, 1_000, 10_000, 1, 100_000, 2, 3].map((times) => 'aé€🚀'.repeat(times));

        const told = await chopped(...texts.map((text) => send('echo', text)));

        expect(told.map(({ values }) => values[0] === texts.shift())).toEqual(told.map(() => true));
        expect(texts).toEqual([]);
      } finally {
        proxy.close();
      }
    });
  });
});
