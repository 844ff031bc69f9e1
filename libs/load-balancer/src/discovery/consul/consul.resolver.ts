import { setTimeout as delay } from 'node:timers/promises';
import { Observable, type Subscriber } from 'rxjs';
import type { Backoff } from '../../resilience/backoff.js';
import { BackoffRun } from '../../resilience/backoff-run.js';
import type { ResolvedNode, ResolvedPart, ResolveFailure, Resolver, Target } from '../resolver.js';
import { nextIndex } from './blocking-index.js';
import { consulConnection, type ConsulOptions } from './consul-connection.js';
import { ConsulError } from './consul-error.js';
import { nodesOf } from './consul-instances.js';
import { checkConsulOptions } from './consul-options.js';
import { HeldInstances } from './held-instances.js';
import { askConsul, type ConsulAnswer } from './consul-request.js';
import { consulTargetProblem, parseConsulTarget, type ConsulTarget } from './consul-target.js';

/** Short enough that nodes that came during an outage are called within five seconds after it. */
const BACKOFF: Backoff = { initial: 250, multiplier: 1.6, jitter: 0.2, max: 3_000 };
/** After a refusal, which somebody has to put right. */
const REFUSED: Backoff = { initial: 1_000, multiplier: 2, jitter: 0.2, max: 30_000 };
/** Milliseconds at least from one query to the next, so that what changes all the time is asked for ten times a second. */
const MIN_GAP = 100;
/** Milliseconds between queries that do not wait for news though they should. */
const POLL = 1_000;
/** Milliseconds for an answer that waits for nothing: 10 000 instances are ten megabytes. */
const ANSWER_TIME = 10_000;
/** Share by which a query waits less than it might, so that consumers that began together do not stay together. */
const WAIT_JITTER = 0.2;
/** Milliseconds that instances which are missing after an outage are kept: providers beat every five seconds at least. */
const GRACE = 15_000;

type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;
type Emission = readonly ResolvedNode[] | ResolvedPart | ResolveFailure;

/**
 * The healthy instances of a service in Consul: `consul://127.0.0.1:8500/orders?tag=v2&dc=eu&near=_agent`. Without an
 * address, `consul:///orders`, it asks the agent of `CONSUL_HTTP_ADDR`, or the one of this machine.
 *
 * Blocking queries bring changes at once. `?tag=` is one tag or several that an instance must all have; `?near=` sorts by the
 * distance from a node of Consul, or from the agent (`_agent`); `?warning=true` takes instances in the state "warning",
 * too, with their weight for it; `?wait=` is how many milliseconds a query waits for news (30 000 by default, 1 000–600 000).
 * Instances in maintenance are draining. After an outage, or when Consul has shown none at all, those that are missing are kept
 * for 15 s, so that they can register again.
 *
 * @throws InvalidOptionsError when an option is unknown or has a wrong value.
 *
 * @example
 * ```ts
 * LoadBalancerModule.forRoot({ services: { orders: 'consul://127.0.0.1:8500/orders' } })
 * // With options that are neither in the target nor in the environment:
 * LoadBalancerModule.forRoot({ resolvers: [new ConsulResolver({ token })], services: { … } })
 * ```
 */
export class ConsulResolver implements Resolver {
  readonly schemes = ['consul'];

  /** @param sleep and `grace` are replaced in tests */
  constructor(
    private readonly options: ConsulOptions = {},
    private readonly sleep: Sleep = pause,
    private readonly grace = GRACE,
  ) {
    checkConsulOptions(options, 'ConsulResolver');
  }

  validate(target: Target): string | undefined {
    return consulTargetProblem(target);
  }

  watch(target: Target): Observable<Emission> {
    return new Observable((subscriber) => {
      const wanted = parseConsulTarget(target);
      if (!wanted.ok) {
        subscriber.error(new Error(wanted.problem));
        return;
      }
      const ended = new AbortController();
      void this.follow(wanted.value, subscriber, ended.signal);
      return () => ended.abort();
    });
  }

  /** One query after the other until it is ended; whatever happens to one, the next follows. */
  private async follow(
    target: ConsulTarget,
    subscriber: Subscriber<Emission>,
    signal: AbortSignal,
  ): Promise<void> {
    let index: bigint | undefined;
    const failures = new BackoffRun(Math.random);
    const instances = new HeldInstances(this.grace);
    let warning: string | undefined;
    let letGo: NodeJS.Timeout | undefined;
    const tell = (): void => {
      clearTimeout(letGo);
      const now = performance.now();
      const left = instances.left(now);
      if (left !== undefined) letGo = setTimeout(tell, left).unref();
      const nodes = instances.nodes(now);
      subscriber.next(warning === undefined ? nodes : { nodes, warning });
    };
    const fail = (failure: string): void => {
      // A set would say that all is well.
      clearTimeout(letGo);
      subscriber.next({ failure });
    };
    signal.addEventListener('abort', () => clearTimeout(letGo), { once: true });
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const { headers, body } = await this.query(target, index, signal);
        const seen = nodesOf(body, target);
        if (seen.ok) {
          const { nodes } = seen.value;
          ({ warning } = seen.value);
          if (nodes.length === 0) instances.none();
          else instances.show(nodes, performance.now());
          tell();
        } else {
          instances.none();
          fail(seen.problem);
        }
        const next = nextIndex(index, headers['x-consul-index']);
        const gap = next === undefined || next === index ? POLL : MIN_GAP;
        index = next;
        failures.reset();
        await this.sleep(gap - (performance.now() - startedAt), signal);
      } catch (error) {
        // What answers after a failure may count from the beginning again.
        index = undefined;
        instances.failed();
        fail((error as Error).message);
        const refused = error instanceof ConsulError && error.refused;
        await this.sleep(failures.next(refused ? REFUSED : BACKOFF), signal);
      }
    }
  }

  /** @param index what is known already: the answer waits until there is something newer. */
  private async query(
    target: ConsulTarget,
    index: bigint | undefined,
    signal: AbortSignal,
  ): Promise<ConsulAnswer> {
    const connection = await consulConnection(target, this.options);
    const { service, tags, dc, near, wait } = target;
    const waits = index === undefined ? 0 : Math.ceil(wait * (1 - WAIT_JITTER * Math.random()));
    // Consul adds up to a sixteenth.
    const timeout = waits + waits / 16 + ANSWER_TIME;
    return askConsul(connection, { timeout, signal, background: true }, (consul, request) =>
      consul.health.service({
        service,
        ...(tags.length > 0 && { tag: tags as unknown as string }),
        ...(dc !== undefined && { dc }),
        ...(near !== undefined && { near }),
        ...(index !== undefined && { index: String(index), wait: `${waits}ms` }),
        ...request,
      }),
    );
  }
}

/** Ends early, and without an error, when the watch does; it is no reason for the process to go on. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await delay(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}
