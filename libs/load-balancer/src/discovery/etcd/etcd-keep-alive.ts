import type { Etcd3 } from 'etcd3';
import { describeEtcdFailure } from './etcd-failure.js';

type LeaseStream = Awaited<ReturnType<Etcd3['leaseClient']['leaseKeepAlive']>>;

/** Milliseconds for etcd to answer one renewal, before it is tried over another connection. */
const ANSWER_TIMEOUT = 1_000;
/** Milliseconds between two tries while it does not answer. */
const RETRY = 500;

/**
 * Keeps one lease alive: renews it three times in its life, as etcd's own client does, and more often while that fails. Ends
 * when etcd says that the lease is gone, or when the last renewal is so long ago that it must be.
 */
export class EtcdKeepAlive {
  private stream: LeaseStream | undefined;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;
  /** When the last renewal that succeeded was asked for: the lease runs from then on, or later. */
  private renewedAt: number;
  private askedAt = 0;
  private reason = 'etcd did not answer in time';

  /**
   * @param ttl seconds, as etcd granted them
   * @param grantedAt when the lease was asked for
   */
  constructor(
    private readonly etcd: Etcd3,
    private readonly id: string,
    private readonly ttl: number,
    grantedAt: number,
    private readonly onLost: (reason: string) => void,
  ) {
    this.renewedAt = grantedAt;
    this.renewLater();
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.stream?.cancel();
  }

  private renewLater(): void {
    this.timer = setTimeout(() => this.renew(), (this.ttl * 1_000) / 3).unref();
  }

  private renew(): void {
    this.askedAt = performance.now();
    this.timer = setTimeout(
      () => this.failed(new Error('etcd did not answer in time')),
      ANSWER_TIMEOUT,
    ).unref();
    this.ask().catch((error: unknown) => this.failed(error));
  }

  private async ask(): Promise<void> {
    const stream = this.stream ?? (await this.open());
    if (!this.ended) stream.write({ ID: this.id });
  }

  private async open(): Promise<LeaseStream> {
    const stream = await this.etcd.leaseClient.leaseKeepAlive();
    const isOurs = (): boolean => this.stream === stream;
    stream
      .on('error', (error) => isOurs() && this.failed(error))
      .on('end', () => isOurs() && this.failed(new Error('etcd ended the connection')))
      .on('data', ({ TTL }) => isOurs() && this.answered(Number(TTL)));
    this.stream = stream;
    if (this.ended) stream.cancel();
    return stream;
  }

  private answered(ttl: number): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    if (ttl <= 0) {
      this.lost('its lease has run out');
      return;
    }
    this.renewedAt = this.askedAt;
    this.renewLater();
  }

  private failed(error: unknown): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    const { stream } = this;
    this.stream = undefined;
    stream?.cancel();
    this.reason = describeEtcdFailure(error).reason;
    if (performance.now() - this.renewedAt >= this.ttl * 1_000)
      this.lost(`its lease was not renewed for ${this.ttl} s: ${this.reason}`);
    else this.timer = setTimeout(() => this.renew(), RETRY).unref();
  }

  private lost(reason: string): void {
    this.close();
    this.onLost(reason);
  }
}
