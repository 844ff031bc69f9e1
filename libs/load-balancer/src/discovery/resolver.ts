import type { Observable } from 'rxjs';
import type { Endpoint } from '../cluster/endpoint.js';

/** A parsed target URI: `file:///etc/lb/orders.json?poll=2000`. */
export interface Target {
  /** As the user wrote it, without credentials and cut when it is long: safe to log, not to be parsed. */
  readonly uri: string;
  /** `static`, `dns`, `etcd` …, in lower case. */
  readonly scheme: string;
  /** What stands between `//` and the next `/`, as written; empty in `static:///…`. May hold credentials. */
  readonly authority: string;
  /** What follows, decoded, without the leading `/`. */
  readonly path: string;
  /** What follows `?`, decoded. May hold credentials. */
  readonly params: Readonly<Record<string, string>>;
}

/** One node: an endpoint, or `host:port` with attributes (`10.0.0.1:4001;weight=2;zone=a`). */
export type ResolvedNode = Endpoint | string;

/** A failure that the resolver recovers from by itself: its stream goes on. */
export interface ResolveFailure {
  /** What is wrong, in one line. */
  readonly failure: string;
}

/**
 * Turns a target into a live stream of endpoints. It may emit as often as it likes and must emit whole sets; what it
 * emits is validated, so it need not be clean.
 *
 * What it emitted last stays in force when it emits an empty or unusable set, emits a {@link ResolveFailure}, errors
 * or completes. After an error or an unexpected completion it is subscribed to again, with back-off.
 *
 * @example
 * ```ts
 * class DatabaseResolver implements Resolver {
 *   readonly schemes = ['db'];
 *   watch(target: Target) { return timer(0, 5_000).pipe(switchMap(() => this.query(target.path))); }
 * }
 * LoadBalancerModule.forRoot({ resolvers: [new DatabaseResolver()], services: { orders: 'db:///orders' } })
 * ```
 */
export interface Resolver {
  /** The URI schemes it answers for, without `://`. */
  readonly schemes: readonly string[];
  /** Whether a resolver that completes is done (a fixed list) rather than broken. */
  readonly finite?: boolean;
  /** Refuses a target that can never work, when the module is built: returns what is wrong with it. */
  validate?(target: Target): string | undefined;
  /**
   * The stream of endpoint sets. Each subscription is a watch of its own; unsubscribing ends it.
   *
   * `refresh` emits when it would be good to look again at once, such as after a lost connection. It may emit often:
   * the resolver decides when a look is worth its cost, and may ignore it altogether.
   */
  watch(target: Target, refresh: Observable<void>): Observable<readonly ResolvedNode[] | ResolveFailure>;
}
