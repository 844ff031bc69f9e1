import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Etcd3 } from 'etcd3';
import { EventEmitter } from 'node:events';
import { EtcdWatch } from './etcd-watch.js';

/** What would be asked of etcd: how each read is answered, and the stream of the watch. */
let answerRead: (revision: string) => void;
let stream: EventEmitter & { written: object[]; write(request: object): void; cancel(): void };
/** What the listener was told. */
let told: string[];

/** What etcd says on the stream of a watch that is at this revision. */
const says = (revision: string, fields: object = {}): void =>
  void stream.emit('data', {
    header: { revision },
    events: [],
    compact_revision: '0',
    watch_id: '1',
    ...fields,
  });
const change = { events: [{ type: 'Put', kv: { key: Buffer.from('orders/a'), value: Buffer.from('{}') } }] };
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

async function open(): Promise<EtcdWatch> {
  const etcd = {
    kv: {
      range: () =>
        new Promise((resolve) => {
          answerRead = (revision) => resolve({ kvs: [], header: { revision } });
        }),
    },
    watchClient: { watch: async () => stream },
  };
  const watch = new EtcdWatch(
    etcd as unknown as Etcd3,
    { key: Buffer.from('orders/'), range_end: Buffer.from('orders0') },
    {
      onList: () => told.push('list'),
      onPut: () => undefined,
      onDelete: () => undefined,
      onChanged: () => told.push('changed'),
      onAlive: () => told.push('alive'),
      onEnd: (error) => told.push((error as Error).message),
    },
  );
  answerRead('10');
  await settled();
  says('10', { created: true });
  return watch;
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
  told = [];
  const written: object[] = [];
  stream = Object.assign(new EventEmitter(), {
    written,
    write: (request: object) => void written.push(request),
    cancel: () => undefined,
  });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a watch of etcd that is looked at', () => {
  it('is alive when it reaches the revision that a read has shown', async () => {
    const watch = await open();
    watch.check();
    answerRead('12');
    await settled();
    expect(stream.written).toHaveLength(2);
    says('11');
    says('12');
    expect(told).toEqual(['list', 'alive']);
    watch.close();
  });

  it('is over when it does not reach it', async () => {
    const watch = await open();
    watch.check();
    answerRead('12');
    await settled();
    says('11');
    jest.advanceTimersByTime(3_000);
    expect(told).toEqual(['list', 'the watch gave no sign of life']);
    watch.close();
  });

  it('is over when etcd is at an earlier revision than it was', async () => {
    const watch = await open();
    watch.check();
    answerRead('9');
    await settled();
    expect(told).toEqual(['list', 'etcd has lost data: it is at an earlier revision than it was']);
    watch.close();
  });

  it('is alive, and has lost nothing, when a later change overtakes the answer of the read', async () => {
    const watch = await open();
    watch.check();
    says('13', change);
    answerRead('12');
    await settled();
    says('14', change);
    // One look is all there is until the next is due.
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(7_999);
    expect(told).toEqual(['list', 'changed', 'alive', 'changed']);
    watch.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is looked at by both of two looks of which the first was overtaken', async () => {
    const watch = await open();
    watch.check();
    const answerFirst = answerRead;
    says('13', change);
    watch.check();
    answerFirst('12');
    await settled();
    answerRead('13');
    await settled();
    says('13');
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(7_999);
    expect(told).toEqual(['list', 'changed', 'alive', 'alive']);
    watch.close();
  });
});

it('a watch of etcd tells that its revision has been compacted', async () => {
  const watch = await open();
  says('20', { canceled: true, compact_revision: '15' });
  expect(told).toEqual(['list', 'etcd has compacted the revision of the watch']);
  watch.close();
});
