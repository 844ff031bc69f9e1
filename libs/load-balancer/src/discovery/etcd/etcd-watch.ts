import type { Etcd3, IWatchResponse } from 'etcd3';
import type { KeyValue } from './etcd-nodes.js';

/** Milliseconds between two looks at whether the watch is alive, and the share by which each is moved. */
const CHECK_INTERVAL = 10_000;
const CHECK_JITTER = 0.2;
/** Milliseconds that a watch may lag behind what a read has shown to be there. */
const CHECK_TIMEOUT = 3_000;

type WatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>>;

export interface EtcdWatchListener {
  /** All there is below the prefix, at one revision. */
  onList(list: readonly KeyValue[]): void;
  onPut(entry: KeyValue): void;
  onDelete(key: Buffer): void;
  /** The changes of one revision or more have been told. */
  onChanged(): void;
  /** etcd answered, and the watch is known to be alive. */
  onAlive(): void;
  /** It is over; called once, and not after `close()`. */
  onEnd(error: unknown): void;
}

/**
 * One list and the watch that follows it, on one connection. What ends the watch ends this: the next one begins with a list
 * again, whether the connection was lost, the revision was compacted, or etcd came back with other data than it had.
 *
 * A watch that has silently died is found by comparing: every ten seconds a read that a quorum has to agree on tells the
 * revision that etcd has reached, and the watch must get there within three.
 */
export class EtcdWatch {
  private stream: WatchStream | undefined;
  private watchId: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;
  /** What the watch has reached. */
  private revision = 0n;
  /** What the watch must reach before the time is up. */
  private awaited: bigint | undefined;

  constructor(
    private readonly etcd: Etcd3,
    private readonly range: { readonly key: Buffer; readonly range_end: Buffer },
    private readonly listener: EtcdWatchListener,
  ) {
    this.run().catch((error: unknown) => this.end(error));
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.stream?.cancel();
  }

  /** Is it alive? Looks at once; the answer is `onAlive` or `onEnd`. */
  check(): void {
    if (this.watchId === undefined || this.awaited !== undefined) return;
    clearTimeout(this.timer);
    this.awaited = this.revision;
    this.look(this.revision).catch((error: unknown) => this.end(error));
  }

  private async run(): Promise<void> {
    const { kvs, header } = await this.etcd.kv.range(this.range);
    if (this.ended) return;
    this.revision = BigInt(header.revision);
    this.listener.onList(kvs);

    this.begin(await this.etcd.watchClient.watch());
  }

  private begin(stream: WatchStream): void {
    this.stream = stream;
    // Also when it is not wanted any more: an error that nobody listens to would end the process.
    stream
      .on('error', (error) => this.end(error))
      .on('end', () => this.end(new Error('etcd ended the watch')))
      .on('data', (response) => this.received(response));
    if (this.ended) {
      stream.cancel();
      return;
    }
    const { key, range_end } = this.range;
    stream.write({
      create_request: {
        key,
        range_end,
        start_revision: (this.revision + 1n).toString(),
        progress_notify: true,
        fragment: true,
      },
    });
    this.timer = setTimeout(() => this.end(new Error('etcd did not begin the watch')), CHECK_TIMEOUT).unref();
  }

  private received(response: IWatchResponse): void {
    if (this.ended) return;
    if (response.canceled) {
      this.end(new Error(reasonOfCancel(response)));
      return;
    }
    if (response.created) {
      this.watchId = response.watch_id;
      this.checkLater();
    }
    const revision = BigInt(response.header.revision);
    if (revision > this.revision) this.revision = revision;
    for (const { type, kv } of response.events) {
      if (type === 'Delete') this.listener.onDelete(kv.key);
      else this.listener.onPut(kv);
    }
    if (response.events.length > 0 && !response.fragment) this.listener.onChanged();
    if (this.awaited !== undefined && this.revision >= this.awaited) this.foundAlive();
  }

  private checkLater(): void {
    clearTimeout(this.timer);
    const delay = CHECK_INTERVAL * (1 + CHECK_JITTER * (2 * Math.random() - 1));
    this.timer = setTimeout(() => this.check(), delay).unref();
  }

  /** @param before what the watch has reached before etcd is asked */
  private async look(before: bigint): Promise<void> {
    const { key, range_end } = this.range;
    const { header } = await this.etcd.kv.range({ key, range_end, count_only: true });
    if (this.ended) return;
    const revision = BigInt(header.revision);
    // Not what it has reached by now: later changes may overtake the answer.
    if (revision < before) throw new Error('etcd has lost data: it is at an earlier revision than it was');
    // Such a change has shown that the watch is alive.
    if (this.awaited === undefined) return;
    this.awaited = revision;
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.end(new Error('the watch gave no sign of life')),
      CHECK_TIMEOUT,
    ).unref();
    // The answer tells what the watch has reached, whether or not anything has changed below the prefix.
    this.stream?.write({ progress_request: {} });
  }

  private foundAlive(): void {
    this.awaited = undefined;
    this.checkLater();
    this.listener.onAlive();
  }

  private end(error: unknown): void {
    if (this.ended) return;
    this.close();
    this.listener.onEnd(error);
  }
}

function reasonOfCancel({ compact_revision, cancel_reason }: IWatchResponse): string {
  if (compact_revision !== '0') return 'etcd has compacted the revision of the watch';
  return `etcd ended the watch: ${cancel_reason === '' ? 'no reason given' : cancel_reason}`;
}
