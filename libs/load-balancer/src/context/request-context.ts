import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { Cancellation } from './cancellation.js';
import type { Peer } from './peer.js';

/** What a context is made of. Whatever comes from outside goes through `metadata-codec.ts` first. */
export interface RequestContextInit {
  /** Made up when left out. */
  requestId?: string | undefined;
  traceparent?: string | undefined;
  tracestate?: string | undefined;
  baggage?: string | undefined;
  authorization?: string | undefined;
  /** Milliseconds on the clock of `performance.now()`. */
  deadline?: number | undefined;
  /** Is the request a retry, or made for one? */
  isRetry?: boolean | undefined;
  /** Further keys, lower case. */
  entries?: Iterable<readonly [string, string]> | undefined;
}

/**
 * What a context shows of itself in logs: everything but `authorization`, and no values of keys that look
 * secret.
 */
export interface RequestContextJson {
  requestId: string;
  traceparent?: string;
  tracestate?: string;
  baggage?: string;
  /** Milliseconds left. */
  remaining?: number;
  entries?: Record<string, string>;
  peer?: Peer;
}

/** Keys whose values stay out of logs though a user allowed them in. */
const SECRET_KEY = /auth|cookie|token|secret|passw|credential|session|api-?key/;

/** One storage for the process: with two copies of this package, both see the same request. */
const STORAGE_KEY = Symbol.for('nestjs-load-balancer.request-context');
const shared = globalThis as unknown as Record<
  typeof STORAGE_KEY,
  AsyncLocalStorage<RequestContext> | undefined
>;
const storage = (shared[STORAGE_KEY] ??= new AsyncLocalStorage<RequestContext>());

/**
 * What is known of the request being served: its id, deadline, trace, authorization and the further keys that
 * the application allows in. It cannot be changed. HTTP requests and RPC messages each open their own; every
 * balanced call forwards it.
 *
 * @example
 * ```ts
 * this.logger.log(`[${RequestContext.current()?.requestId}] quoting`);
 *
 * // Work that no request started, such as a job:
 * const context = new RequestContext({ requestId: `job-${job.id}`, deadline: performance.now() + 30_000 });
 * RequestContext.run(context, () => this.importOrders());
 * ```
 */
export class RequestContext {
  /** The context of the request being served, or `undefined` outside of any. */
  static current(): RequestContext | undefined {
    return storage.getStore();
  }

  /** Runs `fn`, and all that it starts, within the context. */
  static run<T>(context: RequestContext, fn: () => T): T {
    return storage.run(context, fn);
  }

  /** Who sent the request; `undefined` when nothing is known of it. */
  readonly peer: Peer | undefined;
  /** The header, and metadata key, that the request id came in and goes on. */
  readonly requestIdHeader: string;

  /** Tells when the request is cancelled; there is none where nobody could. */
  readonly cancellation: Cancellation | undefined;
  /**
   * Set when a call made for this request has failed for good after its retries, or without having been allowed any: then
   * whoever made the request is not to retry it either, or attempts would multiply with the depth of the calls.
   */
  retriesEnded = false;
  /** It came as a message without metadata: nobody can tell whether it is a retry. */
  retryUnknown = false;

  // Private to the language, so that no logger finds `authorization` in there.
  #init: RequestContextInit | (() => RequestContextInit);
  #requestId: string | undefined;
  #entries: ReadonlyMap<string, string> | undefined;
  #never: AbortSignal | undefined;

  /**
   * @param init a function is called once, when first something is asked of the context: many handlers never
   * ask.
   */
  constructor(
    init: RequestContextInit | (() => RequestContextInit) = {},
    peer?: Peer,
    requestIdHeader = 'x-request-id',
    cancellation?: Cancellation,
  ) {
    this.#init = init;
    this.peer = peer;
    this.requestIdHeader = requestIdHeader;
    this.cancellation = cancellation;
  }

  /** Taken from the request, or made up: the same for all that is done for it, on every node. */
  get requestId(): string {
    return (this.#requestId ??= this.#values.requestId ?? randomUUID());
  }

  /** W3C `traceparent`. */
  get traceparent(): string | undefined {
    return this.#values.traceparent;
  }

  /** W3C `tracestate`. */
  get tracestate(): string | undefined {
    return this.#values.tracestate;
  }

  /** W3C `baggage`. */
  get baggage(): string | undefined {
    return this.#values.baggage;
  }

  /** The caller's credentials, scheme included. Forwarded only to services that opt in; never part of a log. */
  get authorization(): string | undefined {
    return this.#values.authorization;
  }

  /** When the answer is due, in milliseconds on the clock of `performance.now()`; `undefined` for no limit. */
  get deadline(): number | undefined {
    return this.#values.deadline;
  }

  /** Milliseconds left until the deadline, 0 when it has passed; `undefined` for no limit. */
  remaining(now: number = performance.now()): number | undefined {
    const { deadline } = this;
    return deadline === undefined ? undefined : Math.max(0, deadline - now);
  }

  /**
   * Aborted when the caller went away or its deadline passed: hand it to whatever work should stop then. Balanced calls
   * need no such hint, they stop by themselves. Without a server that knows (a stock one, a job of one's own) it never is.
   *
   * @example
   * ```ts
   * const answer = await fetch(url, { signal: RequestContext.current()?.signal });
   * ```
   */
  get signal(): AbortSignal {
    return this.cancellation ? this.cancellation.signal : (this.#never ??= new AbortController().signal);
  }

  /** Is the request a retry, or made for one? Calls that it makes are not retried, so that retries do not multiply. */
  get isRetry(): boolean {
    return this.#values.isRetry ?? false;
  }

  /** A further key's value; keys are lower case. */
  get(key: string): string | undefined {
    return this.entries.get(key);
  }

  /** All further keys. */
  get entries(): ReadonlyMap<string, string> {
    return (this.#entries ??= new Map(this.#values.entries));
  }

  toJSON(): RequestContextJson {
    const { requestId, traceparent, tracestate, baggage, entries, peer } = this;
    const remaining = this.remaining();
    return {
      requestId,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(tracestate === undefined ? {} : { tracestate }),
      ...(baggage === undefined ? {} : { baggage }),
      ...(remaining === undefined ? {} : { remaining: Math.round(remaining) }),
      ...(entries.size === 0 ? {} : { entries: withoutSecrets(entries) }),
      ...(peer === undefined ? {} : { peer }),
    };
  }

  [inspect.custom](): string {
    return `RequestContext ${inspect(this.toJSON())}`;
  }

  get #values(): RequestContextInit {
    const init = this.#init;
    return typeof init === 'function' ? (this.#init = init()) : init;
  }
}

function withoutSecrets(entries: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...entries].map(([key, value]) => [key, SECRET_KEY.test(key) ? '[redacted]' : value]),
  );
}
