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

/** A whole set of which something is known to be missing: what there is of it is used, and why it is not whole is told. */
export interface ResolvedPart {
  readonly nodes: readonly ResolvedNode[];
  /** What is missing and why, in one line; logged once, until it changes. */
  readonly warning: string;
}

/**
 * The registry has just been in contact, and the set that was emitted last is still the right one. It costs nothing, so
 * that a watch whose set does not change for hours can show that it is alive: `lastSuccess` and `age` go by it. It also
 * ends a {@link ResolveFailure}. Before the first set of a watch it means nothing.
 */
export interface ResolveContact {
  readonly alive: true;
}

/** What a resolver's stream may hold. */
export type ResolverEmission = readonly ResolvedNode[] | ResolvedPart | ResolveContact | ResolveFailure;

/**
 * Turns a target into a live stream of endpoints. It may emit as often as it likes and must emit whole sets; what it
 * emits is validated, so it need not be clean. To emit the same set again is cheap and says that the registry is still in
 * contact; `{ alive: true }` says so for nothing.
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
  watch(target: Target, refresh: Observable<void>): Observable<ResolverEmission>;
}
