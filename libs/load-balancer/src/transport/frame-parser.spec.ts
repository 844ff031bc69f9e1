import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StringDecoder } from 'node:string_decoder';
import { FrameError } from './frame-errors.js';
import { FrameParser } from './frame-parser.js';

function frame(message: unknown): string {
  const json = JSON.stringify(message);
  return `${json.length}#${json}`;
}

/** Everything that can be had from the parser now. */
function drain(parser: FrameParser): unknown[] {
  const messages: unknown[] = [];
  for (let message = parser.next(); message !== undefined; message = parser.next()) messages.push(message);
  return messages;
}

function parse(chunks: readonly (Buffer | string)[], parser = new FrameParser()): unknown[] {
  return chunks.flatMap((chunk) => {
    parser.push(chunk);
    return drain(parser);
  });
}

function chop(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

function failure(received: string | Buffer, parser = new FrameParser()): Error {
  try {
    parse([Buffer.from(received as string)], parser);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was accepted');
}

/** Values as they come back from JSON; `undefined` inside and -0 do not survive it. */
const message = fc
  .oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀', '\ud83d', '\ude00', '#', '"', '\\', '\0') }),
    fc.constant(''),
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('FrameParser', () => {
  it('returns any sequence of messages unchanged, wherever it is chopped', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.from(messages.map(frame).join(''));
          const parser = new FrameParser();
          expect(parse(chop(bytes, cuts), parser)).toEqual(messages);
          expect(parser.hasUnfinished).toBe(false);
          expect(parser.bufferedLength).toBe(0);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('returns the same from chunks of one byte', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
        expect(parse(chunksOf(Buffer.from(messages.map(frame).join('')), 1))).toEqual(messages);
      }),
    );
  });

  it('reads the same frames whenever the consumer pauses between two of them', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        fc.array(fc.nat({ max: 2 }), { minLength: 11, maxLength: 11 }),
        (messages, cuts, asked) => {
          const parser = new FrameParser();
          const got: unknown[] = [];
          for (const [i, chunk] of chop(Buffer.from(messages.map(frame).join('')), cuts).entries()) {
            parser.push(chunk);
            for (let n = 0; n < asked[i]!; n++) {
              const next = parser.next();
              if (next !== undefined) got.push(next);
            }
          }
          expect([...got, ...drain(parser)]).toEqual(messages);
        },
      ),
    );
  });

  it('counts the length in UTF-16 code units', () => {
    expect(parse([Buffer.from('4#"😀"3#"é"')])).toEqual(['😀', 'é']);
  });

  it('reads text from a socket on which someone set an encoding', () => {
    expect(parse(['9#{"a":', '"é"}', '1', '#7'])).toEqual([{ a: 'é' }, 7]);
  });

  it('takes what is not UTF-8 for replacement characters, as Nest does', () => {
    expect(parse([Buffer.from([0x33, 0x23, 0x22, 0xff, 0x22])])).toEqual(['\ufffd']);
  });

  it('accepts a message of exactly the maximum length and refuses a longer one before it has come', () => {
    expect(parse([Buffer.from('6#"abcd"')], new FrameParser(6))).toEqual(['abcd']);
    const error = failure('7#', new FrameParser(6));
    expect(error).toMatchObject({
      name: 'MaxPacketLengthExceededException',
      message: 'The packet length (7) exceeds the maximum allowed length',
    });
  });

  it.each(['999999999999999', '134217729'])('refuses the length %s by default', (length) => {
    expect(failure(`${length}#`).name).toBe('MaxPacketLengthExceededException');
  });

  it('refuses a length that no string of V8 can have, even without a maximum', () => {
    expect(failure('1000000000#', new FrameParser(Infinity)).name).toBe('MaxPacketLengthExceededException');
  });

  it.each([
    ['', '#{}'],
    ['-5', '-5#hello'],
    ['+5', '+5#hello'],
    ['5.5', '5.5#hello'],
    ['0x5', '0x5#hello'],
    [' 5', ' 5#hello'],
    ['1e3', '1e3#hello'],
    ['NaN', 'NaN#{}'],
    ['٣', '٣#"a"'],
    ['GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\n'],
    ['00000000000000001', '00000000000000001#1'],
  ])('refuses the length "%s"', (length, received) => {
    expect(failure(received)).toMatchObject({
      name: 'CorruptedPacketLengthException',
      message: `Corrupted length value "${length}" supplied in a packet`,
    });
  });

  it('quotes only the beginning of a header without end', () => {
    expect(failure('x'.repeat(100_000)).message.length).toBeLessThan(100);
  });

  it('does not wait for the end of a header that goes on for ever', () => {
    const parser = new FrameParser();
    const zeros = Array.from({ length: 100 }, () => Buffer.from('0'));
    expect(() => parse(zeros, parser)).toThrow('Corrupted length value');
  });

  it.each(['0#', '5#hello', '2#{]', '3#{}x'])(
    'refuses %s, which is not JSON, with the text it could not read',
    (received) => {
      const error = failure(received);
      expect(error.name).toBe('InvalidJSONFormatException');
      expect(error.message).toMatch(/^Could not parse JSON: /);
      expect(error.message).toContain(`\nRequest data: ${received.slice(2)}`);
      expect(error.cause).toBeInstanceOf(SyntaxError);
    },
  );

  it('repeats only the beginning of a large message that is not JSON', () => {
    expect(failure(`1000000#${'x'.repeat(1_000_000)}`).message.length).toBeLessThan(500);
  });

  it('reads JSON nested a million deep, or refuses it, without exhausting the stack', () => {
    const depth = 1_000_000;
    const parser = new FrameParser();
    parser.push(Buffer.from(`${2 * depth}#${'['.repeat(depth)}${']'.repeat(depth)}`));
    expect(Array.isArray(parser.next())).toBe(true);
    expect(failure(`${depth}#${'['.repeat(depth)}`).name).toBe('InvalidJSONFormatException');
  });

  it('drops everything after an error', () => {
    const parser = new FrameParser();
    expect(failure('x', parser)).toBeInstanceOf(FrameError);
    expect(parse([Buffer.from('2#{}')], parser)).toEqual([]);
    expect(parser).toMatchObject({ hasUnfinished: false, bufferedLength: 0 });
  });

  it('hands out the good frames before the bad one', () => {
    const parser = new FrameParser();
    parser.push(Buffer.from('1#71#8oops'));
    expect([parser.next(), parser.next()]).toEqual([7, 8]);
    expect(() => parser.next()).toThrow('Corrupted length value "oops"');
  });

  it('throws nothing but its own errors, whatever it is given', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .string({
          unit: fc.constantFrom('0', '1', '2', '9', '#', '{', '}', '"', '-', 'é', '😀', '\n'),
          maxLength: 60,
        })
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(garbage, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
        try {
          parse(chop(bytes, cuts), new FrameParser(1000));
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('knows whether it holds a part of a message, and how much of it', () => {
    const parser = new FrameParser();
    const states = ['1', '0#', '"abc', 'defgh"', '1#7'].map((chunk) => {
      parse([Buffer.from(chunk)], parser);
      return [parser.hasUnfinished, parser.bufferedLength];
    });
    expect(states).toEqual([
      [true, 1],
      [true, 0],
      [true, 4],
      [false, 0],
      [false, 0],
    ]);
  });

  it.each([
    ['64 MB in chunks of 64 KB', 64 * 1024 * 1024, 64 * 1024],
    ['1 MB in chunks of one byte', 1024 * 1024, 1],
    ['1 MB in chunks that split every other character', 1024 * 1024, 3],
  ])('copies each byte a few times at most: %s', (name, size, chunkSize) => {
    const text = (name.includes('character') ? 'é€' : 'x').repeat(size / 4);
    const messages = [text, { short: true }, text + text];
    const bytes = Buffer.from(messages.map(frame).join(''));
    const chunks = chunksOf(bytes, chunkSize);
    let got: unknown[] = [];

    const copied = countCopied(() => (got = parse(chunks)));

    expect(got).toEqual(messages);
    expect(copied).toBeGreaterThan(text.length);
    expect(copied).toBeLessThan(4 * bytes.length);
  });

  it('decodes a chunk of many frames once', () => {
    const bytes = Buffer.from(frame({ id: 1, response: 'ok' }).repeat(2000));
    expect(countCopied(() => parse([bytes]))).toBeLessThan(2.1 * bytes.length);
  });

  it('does not keep a chunk alive that has been read', () => {
    const parser = new FrameParser();
    parse([Buffer.from(`${frame('x'.repeat(50_000))}1`)], parser);
    expect(parser.bufferedLength).toBe(1);
    expect((parser as unknown as { text: string }).text).toBe('1');
  });
});

/** The length of all that is produced by what can copy text or bytes, while `run` runs. */
function countCopied(run: () => void): number {
  let copied = 0;
  const count = (prototype: object, method: string): (() => void) => {
    const original = Reflect.get(prototype, method) as (...args: unknown[]) => { length: number };
    const counting = function (this: unknown, ...args: unknown[]) {
      const result = original.apply(this, args);
      copied += result.length;
      return result;
    };
    Object.defineProperty(prototype, method, {
      value: counting,
      writable: true,
      configurable: true,
      enumerable: false,
    });
    return () =>
      Object.defineProperty(prototype, method, {
        value: original,
        writable: true,
        configurable: true,
        enumerable: false,
      });
  };
  const restore = [
    ...['toString', 'subarray'].map((method) => count(Buffer.prototype, method)),
    ...['slice', 'substring', 'concat'].map((method) => count(String.prototype, method)),
    count(StringDecoder.prototype, 'write'),
    count(Array.prototype, 'join'),
    count(Buffer, 'concat'),
  ];
  try {
    run();
  } finally {
    for (const undo of restore.reverse()) undo();
  }
  return copied;
}
