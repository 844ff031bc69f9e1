import type { Etcd3 } from 'etcd3';
import { Observable } from 'rxjs';
import type { Endpoint } from '../../cluster/endpoint.js';
import { BackoffRun } from '../../resilience/backoff-run.js';
import { Holdover, someMissing } from '../holdover.js';
import type { Resolver, ResolverEmission, Target } from '../resolver.js';
import { openEtcd } from './etcd-client.js';
import { backoffAfter, describeEtcdFailure } from './etcd-failure.js';
import { EtcdNodes } from './etcd-nodes.js';
import { checkEtcdOptions, etcdConnection, type EtcdOptions } from './etcd-options.js';
import { etcdResolverProblem, parseEtcdTarget, type EtcdTarget } from './etcd-target.js';
import { EtcdWatch } from './etcd-watch.js';

/**
 * Milliseconds between two sets: a single change is told at once, and ten thousand nodes that come within seconds are told in
 * a few sets rather than in thousands.
 */
const MIN_INTERVAL = 100;
/** Milliseconds that nodes which vanish right after an outage are kept: a lease (10 s), and a few tries to register anew. */
const GRACE = 15_000;
/** Milliseconds out of contact from which leases may have run out meanwhile. */
const OUTAGE = 2_000;
/** Milliseconds between two looks that were asked for. */
const MIN_REFRESH = 1_000;
/** Milliseconds after which a watch counts as having worked: one that ends sooner, again and again, is backed off from. */
const SETTLED = 10_000;

/**
 * The nodes that have registered in etcd below a path: `etcd://10.0.0.9:2379,10.0.0.10:2379/shop/orders` reads the keys
 * `shop/orders/<id>`, each with one node as JSON (see docs/discovery-etcd.md). It lists them and watches from there on, so a
 * change takes effect within milliseconds. When etcd is away, the nodes stay; it is looked for at least every 2.6 s, and
 * nodes that are missing when it is back are kept for 15 s more, so that they can register again.
 *
 * Parameters of the target: `tls=true`, and `ca`, `cert`, `key` with the paths of PEM files, each of which implies it. A user
 * stands before the endpoints (`etcd://user:password@10.0.0.9:2379/orders`), in the options, or in `LB_ETCD_USERNAME` and
 * `LB_ETCD_PASSWORD`.
 *
 * It needs the package `etcd3`. For a target without options of its own, nothing has to be set up.
 *
 * @throws InvalidOptionsError when an option is unknown or has a wrong value.
 *
 * @example
 * ```ts
 * LoadBalancerModule.forRoot({
 *   resolvers: [new EtcdResolver({ username: 'orders', password: secrets.etcd, ca: readFileSync('/etc/etcd/ca.pem') })],
 *   services: { orders: 'etcd://10.0.0.9:2379/shop/orders' },
 * })
 * ```
 */
export class EtcdResolver implements Resolver {
  readonly schemes = ['etcd'];

  constructor(private readonly options: EtcdOptions = {}) {
    checkEtcdOptions(options, 'EtcdResolver');
  }

  validate(target: Target): string | undefined {
    return etcdResolverProblem(target);
  }

  watch(target: Target, refresh: Observable<void>): Observable<ResolverEmission> {
    return new Observable((subscriber) => {
      const etcd = parseEtcdTarget(target);
      if (!etcd.ok) {
        subscriber.error(new Error(etcd.problem));
        return undefined;
      }
      const session = new EtcdSession(etcd.value, this.options, (emission) => subscriber.next(emission));
      const refreshing = refresh.subscribe(() => session.refresh());
      return () => {
        refreshing.unsubscribe();
        session.close();
      };
    });
  }
}

/** One watch of a target, over all the connections that it takes. */
class EtcdSession {
  private readonly nodes: EtcdNodes;
  private readonly holdover = new Holdover(GRACE);
  private readonly range: { key: Buffer; range_end: Buffer };
  private etcd: Etcd3 | undefined;
  private watch: EtcdWatch | undefined;
  private closed = false;
  private readonly failures = new BackoffRun(Math.random);
  private retryTimer: NodeJS.Timeout | undefined;
  private emitTimer: NodeJS.Timeout | undefined;
  private holdTimer: NodeJS.Timeout | undefined;
  private emittedAt = -Infinity;
  /** What the registry held when nodes were last told: without those that are held over. */
  private registered: readonly Endpoint[] = [];
  private listedAt: number | undefined;
  /** When etcd was last heard of. */
  private contactAt: number | undefined;
  private refreshedAt = -Infinity;

  constructor(
    private readonly target: EtcdTarget,
    private readonly options: EtcdOptions,
    private readonly emit: (emission: ResolverEmission) => void,
  ) {
    const prefix = `${target.path}/`;
    this.nodes = new EtcdNodes(prefix);
    // The next byte after "/": all that begins with the prefix is before it.
    this.range = { key: Buffer.from(prefix), range_end: Buffer.from(`${target.path}0`) };
    this.connect();
  }

  /** Looks whether the watch is alive, or for etcd at once when it is away. */
  refresh(): void {
    const now = performance.now();
    if (now - this.refreshedAt < MIN_REFRESH) return;
    this.refreshedAt = now;
    this.watch?.check();
  }

  close(): void {
    this.closed = true;
    for (const timer of [this.retryTimer, this.emitTimer, this.holdTimer]) clearTimeout(timer);
    this.disconnect();
  }

  private connect(): void {
    this.open().catch((error: unknown) => this.failed(error));
  }

  private async open(): Promise<void> {
    const connection = await etcdConnection(this.target, this.options, process.env);
    if (this.closed) return;
    this.etcd = openEtcd(connection);
    this.watch = new EtcdWatch(this.etcd, this.range, {
      onList: (list) => {
        const before = this.nodes.endpoints();
        this.nodes.replace(list);
        this.holdAfterOutage(before);
        this.listedAt = this.contactAt = performance.now();
        this.tell();
      },
      onPut: (entry) => this.nodes.put(entry),
      onDelete: (key) => this.nodes.delete(key),
      onChanged: () => {
        this.contactAt = performance.now();
        this.tellSoon();
      },
      onAlive: () => {
        this.contactAt = performance.now();
        this.emit({ alive: true });
      },
      onEnd: (error) => this.failed(error),
    });
  }

  private disconnect(): void {
    this.watch?.close();
    this.etcd?.close();
    this.watch = undefined;
    this.etcd = undefined;
  }

  private failed(error: unknown): void {
    if (this.closed) return;
    this.disconnect();
    // Nothing is told while nothing is known: a set would say that etcd is there.
    clearTimeout(this.emitTimer);
    clearTimeout(this.holdTimer);
    this.emitTimer = undefined;
    if (this.listedAt !== undefined && performance.now() - this.listedAt >= SETTLED) this.failures.reset();
    this.listedAt = undefined;
    const failure = describeEtcdFailure(error);
    // A watch may end for reasons that are over at once, such as a restart of its endpoint; the second failure tells.
    if (this.failures.count > 0 || this.contactAt === undefined) this.emit({ failure: failure.reason });
    this.retryTimer = setTimeout(() => this.connect(), this.failures.next(backoffAfter(failure))).unref();
  }

  /** @param before what was registered when contact was lost */
  private holdAfterOutage(before: readonly Endpoint[]): void {
    if (this.contactAt === undefined) return;
    const now = performance.now();
    if (now - this.contactAt >= OUTAGE || someMissing(before, this.nodes.endpoints()))
      this.holdover.begin(before, now);
  }

  private tellSoon(): void {
    if (this.emitTimer) return;
    const delay = Math.max(0, this.emittedAt + MIN_INTERVAL - performance.now());
    this.emitTimer = setTimeout(() => this.tell(), delay).unref();
  }

  private tell(): void {
    clearTimeout(this.emitTimer);
    clearTimeout(this.holdTimer);
    this.emitTimer = undefined;
    const now = performance.now();
    const nodes = this.nodes.endpoints();
    // Several that go at once, and leave none, did not all mean to.
    if (nodes.length === 0 && this.registered.length > 1) this.holdover.begin(this.registered, now);
    this.registered = nodes;
    const left = this.holdover.left(now);
    if (left !== undefined) this.holdTimer = setTimeout(() => this.tell(), left).unref();
    this.emittedAt = now;
    const all = this.holdover.merge(nodes, now);
    const warning = this.nodes.warning();
    this.emit(warning === undefined ? all : { nodes: all, warning });
  }
}
