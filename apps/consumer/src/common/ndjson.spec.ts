import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { from, Observable, of, Subject, throwError } from 'rxjs';
import { ndjson } from './ndjson.js';

async function textOf(source: Observable<object>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of ndjson(source)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('ndjson', () => {
  it('writes one line of JSON for each emission', async () => {
    await expect(textOf(of({ a: 1 }, { b: 'ü\n' }))).resolves.toBe('{"a":1}\n{"b":"ü\\n"}\n');
  });

  it('writes nothing for no emission', async () => {
    await expect(textOf(of())).resolves.toBe('');
  });

  it('writes each emission as it arrives', async () => {
    const source = new Subject<object>();
    const lines: string[] = [];
    ndjson(source).on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    await setImmediate();
    source.next({ n: 1 });
    await setImmediate();
    expect(lines).toEqual(['{"n":1}\n']);
    source.next({ n: 2 });
    await setImmediate();
    expect(lines).toEqual(['{"n":1}\n', '{"n":2}\n']);
  });

  it('unsubscribes when whom it writes to goes away', async () => {
    let unsubscribed = false;
    const source = new Observable<object>((subscriber) => {
      subscriber.next({ n: 1 });
      return () => {
        unsubscribed = true;
      };
    });
    const client = new PassThrough();
    const written = pipeline(ndjson(source), client);
    await once(client, 'readable');
    client.destroy();
    await expect(written).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(unsubscribed).toBe(true);
  });

  it('gives a slow reader no more than it takes, and loses nothing', async () => {
    const written: string[] = [];
    let busy = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        busy += 1;
        expect(busy).toBe(1);
        written.push(chunk.toString());
        void setImmediate().then(() => {
          busy -= 1;
          done();
        });
      },
    });
    await pipeline(ndjson(from(Array.from({ length: 100 }, (_, n) => ({ n })))), slow);
    const lines = written.join('').trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
  });

  it('fails with the error of the source', async () => {
    const problem = new Error('gone');
    await expect(textOf(throwError(() => problem))).rejects.toBe(problem);
  });

  it('fails with what a remote handler threw, which is no Error', async () => {
    const problem = { code: 'UNKNOWN_COUNTRY', message: 'no such country' };
    await expect(textOf(throwError(() => problem))).rejects.toBe(problem);
  });
});
