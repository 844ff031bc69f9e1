import { setTimeout as delay } from 'node:timers/promises';
import type { Backoff } from '../../resilience/backoff.js';
import { BackoffRun } from '../../resilience/backoff-run.js';
import type { ResolverEmission } from '../resolver.js';
import { openCluster, type KubernetesOptions } from './cluster-access.js';
import { metadataOf } from './endpoint-slice.js';
import { ApiRefusal, BadAnswer, KubernetesApi, type Patience } from './kubernetes-api.js';
import type { KubernetesTarget } from './kubernetes-target.js';
import { SliceSet } from './slice-set.js';

/** Milliseconds; replaced in tests. */
export interface WatchTiming extends Patience {
  /** Of silence after which a burst of events counts as one change … */
  readonly settle: number;
  /** … or since its first event, however long it goes on. */
  readonly settleAtMost: number;
  /** Of silence after which a lost connection to a node is reason to doubt the watch. */
  readonly doubt: number;
  readonly backoff: Backoff;
  /** After a refusal of what is asked (401, 403 …), which someone has to put right. */
  readonly refusedBackoff: Backoff;
}

export const DEFAULT_TIMING: WatchTiming = {
  answer: 10_000,
  // Twice the minute between the API server's bookmarks, and some.
  watch: 150_000,
  settle: 25,
  settleAtMost: 100,
  doubt: 30_000,
  // Nodes that came during an outage are to be called within 5 s after it.
  backoff: { initial: 500, multiplier: 1.6, jitter: 0.2, max: 3_000 },
  refusedBackoff: { initial: 1_000, multiplier: 2, jitter: 0.2, max: 30_000 },
};

/** Seconds that one watch lasts at least, and as many at most on top, so that those of many clients do not end together. */
const WATCH_SECONDS = 240;
/** A watch that ends of itself before it has lasted so many milliseconds, and brought nothing, does not work. */
const WORKS = 1_000;
/** Milliseconds for which a `Retry-After` is obeyed. */
const MAX_RETRY_AFTER = 30_000;
/** Milliseconds within which the clients that an API server has lost come back to it. */
const RECONNECT_JITTER = 250;
const UNAUTHORIZED = 401;
const GONE = 410;
const TOO_MANY = 429;

/** The API server, and what is asked of it. */
interface Connection {
  readonly api: KubernetesApi;
  readonly path: string;
  readonly slices: SliceSet;
}

/**
 * Lists the EndpointSlices of a service and watches them from there on, until it is ended; whatever goes wrong, it tries
 * again. A watch that is lost goes on from the last version it has seen; when the server does not know that version any more
 * (410 Gone), or something was missed, the slices are listed anew.
 */
export class SliceWatch {
  private readonly ended = new AbortController();
  private connection: Connection | undefined;
  /** Where the watch goes on; `undefined` when the slices must be listed. */
  private version: string | undefined;
  private listed = false;
  /** What the slices last said. */
  private told: ResolverEmission = [];
  private readonly failures = new BackoffRun(Math.random);
  private heardAt = 0;
  /** Ends the watch that is going on, to be made anew. */
  private current: AbortController | undefined;
  private settling: NodeJS.Timeout | undefined;
  private firstOfBurst = 0;

  constructor(
    private readonly target: KubernetesTarget,
    private readonly options: KubernetesOptions,
    private readonly emit: (emission: ResolverEmission) => void,
    private readonly timing: WatchTiming = DEFAULT_TIMING,
  ) {}

  async run(): Promise<void> {
    const { signal } = this.ended;
    while (!signal.aborted) {
      const wait = await this.round().catch((error: unknown) => this.failed(error));
      // Looking for nodes is no reason for the process to go on.
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  end(): void {
    this.ended.abort();
    clearTimeout(this.settling);
  }

  /**
   * A connection to a node was lost. A watch that has not said so, nor anything else for long, may be dead without knowing
   * it: it is made anew.
   */
  doubt(): void {
    const now = performance.now();
    if (!this.current || now - this.heardAt < this.timing.doubt) return;
    this.heardAt = now;
    this.current.abort();
  }

  /** One watch, and a list before it where that is needed. Returns how many milliseconds to wait before the next. */
  private async round(): Promise<number> {
    this.connection ??= await this.connect();
    if (this.version === undefined) await this.list(this.connection);
    return this.watch(this.connection);
  }

  private async connect(): Promise<Connection> {
    const access = await openCluster(this.options, this.target.context);
    const namespace = this.target.namespace ?? access.namespace;
    const { service } = this.target;
    const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
    return {
      api: new KubernetesApi(access, this.timing),
      path: `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices?labelSelector=${selector}`,
      slices: new SliceSet(`${namespace}/${service}`, this.target),
    };
  }

  private async list({ api, path, slices }: Connection): Promise<void> {
    // The first list may come from the server's cache, since the watch brings what it lacks; those that follow must not be
    // older than what was seen already.
    const answer = await api.get(this.listed ? path : `${path}&resourceVersion=0`, this.ended.signal);
    const version = metadataOf(answer)?.resourceVersion;
    const items = (answer as { items?: unknown } | null)?.items ?? [];
    if (version === undefined || !Array.isArray(items)) {
      throw new BadAnswer('the API server answered with something that is no list of EndpointSlices');
    }
    slices.replace(items);
    this.listed = true;
    this.version = version;
    this.heardAt = performance.now();
    this.tell(slices);
  }

  private async watch({ api, path, slices }: Connection): Promise<number> {
    const current = (this.current = new AbortController());
    const signal = AbortSignal.any([this.ended.signal, current.signal]);
    let openedAt: number | undefined;
    let brought = false;
    try {
      for await (const event of api.lines(path + this.watchParams(), signal, () => {
        openedAt = performance.now();
        this.inContact();
      })) {
        this.apply(event, api, slices);
        brought = true;
        this.failures.reset();
      }
    } catch (error) {
      if (current.signal.aborted) return 0;
      const isLost =
        openedAt !== undefined && !(error instanceof BadAnswer) && !(error instanceof ApiRefusal);
      if (!isLost) throw error;
    } finally {
      this.current = undefined;
    }

    if (brought || performance.now() - (openedAt ?? 0) >= WORKS) {
      this.failures.reset();
      return Math.random() * RECONNECT_JITTER;
    }
    // Some proxies end a watch from a version that is gone without saying so.
    this.version = undefined;
    return this.failures.next(this.timing.backoff);
  }

  private watchParams(): string {
    const seconds = Math.round(WATCH_SECONDS * (1 + Math.random()));
    const version = encodeURIComponent(this.version ?? '');
    return `&watch=true&allowWatchBookmarks=true&resourceVersion=${version}&timeoutSeconds=${seconds}`;
  }

  private apply(event: unknown, api: KubernetesApi, slices: SliceSet): void {
    const { type, object } = (event ?? {}) as { type?: unknown; object?: unknown };
    if (type === 'ERROR') {
      const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown };
      const refusal = api.refusal(typeof code === 'number' ? code : 0, message);
      throw refusal.status === GONE ? refusal : new BadAnswer(refusal.message);
    }
    const { name, resourceVersion } = metadataOf(object) ?? {};
    const known = type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK';
    if (!known || resourceVersion === undefined || (name === undefined && type !== 'BOOKMARK')) {
      throw new BadAnswer('the watch brought something that is no event of an EndpointSlice');
    }
    this.version = resourceVersion;
    if (type === 'BOOKMARK') {
      this.inContact();
      return;
    }
    this.heardAt = performance.now();
    if (type === 'DELETED') slices.delete(name ?? '');
    else slices.put(object, name ?? '');
    this.tellSoon(slices);
  }

  /** Tells what went wrong; returns how many milliseconds to wait. */
  private failed(error: unknown): number {
    if (this.ended.signal.aborted) return 0;
    const status = error instanceof ApiRefusal ? error.status : 0;
    // What could not be read was missed.
    if (error instanceof BadAnswer) this.version = undefined;
    if (status === UNAUTHORIZED) this.connection = this.version = undefined;
    const { backoff, refusedBackoff } = this.timing;
    if (status === GONE && this.version !== undefined) {
      this.version = undefined;
      const isFirst = this.failures.count === 0;
      this.failures.next(backoff);
      // As it should be now and then, but not again and again.
      if (isFirst) return 0;
    }
    this.emit({ failure: reasonOf(error) });
    const needsSomeone = status >= 400 && status < 500 && status !== GONE && status !== TOO_MANY;
    const wait = this.failures.next(needsSomeone ? refusedBackoff : backoff);
    return Math.max(wait, Math.min(error instanceof ApiRefusal ? error.retryAfter : 0, MAX_RETRY_AFTER));
  }

  private tellSoon(slices: SliceSet): void {
    const now = performance.now();
    if (this.settling === undefined) this.firstOfBurst = now;
    clearTimeout(this.settling);
    const { settle, settleAtMost } = this.timing;
    this.settling = setTimeout(
      () => this.tell(slices),
      Math.min(settle, Math.max(0, this.firstOfBurst + settleAtMost - now)),
    ).unref();
  }

  private tell(slices: SliceSet): void {
    clearTimeout(this.settling);
    this.settling = undefined;
    this.told = slices.nodes();
    this.emit(this.told);
  }

  /** The server was heard, and had nothing new to say: what the slices said last still holds, be it that nobody is ready. */
  private inContact(): void {
    this.heardAt = performance.now();
    if (this.settling === undefined) this.emit('failure' in this.told ? this.told : { alive: true });
  }
}

function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  // An attempt at several addresses fails with several errors, and without a message.
  return message || (code ?? 'failed without a reason');
}
