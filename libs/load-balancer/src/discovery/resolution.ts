import { defer, Subject, type Subscription } from 'rxjs';
import { resolveEndpoint, type Endpoint, type ResolvedEndpoint } from '../cluster/endpoint.js';
import { sameMembers } from '../cluster/membership.js';
import type { TargetSnapshot } from '../cluster/snapshot.js';
import { backoffDelay, DEFAULT_BACKOFF } from '../resilience/backoff.js';
import { describeValue, oneLine } from '../safe-text.js';
import { SYSTEM_TIME, type TimeSource } from '../time-source.js';
import { summarizeProblems, validateEndpoints, type ValidatedEndpoints } from './endpoint-validation.js';
import { NewReasons } from './new-reasons.js';
import type { ResolveContact, ResolvedPart, ResolveFailure } from './resolver.js';
import type { TargetSource } from './resolver-registry.js';
import { hideSecrets } from './target.js';

export interface ResolutionListener {
  /** A usable set that is not the same as the last one; never empty. */
  onEndpoints(endpoints: readonly ResolvedEndpoint[]): void;
  /** It fails no more, and the last set holds. */
  onRecovered?(): void;
  /** It fails from now on, or for another reason than before; the last set stays in force. */
  onFailure(reason: string): void;
  /** Part of a set cannot be used, or is missing; the rest of it is used. Told once for each new warning. */
  onWarning?(warning: string): void;
}

/** Time and chance, to be replaced in tests. */
export type ResolutionDeps = Pick<TimeSource, 'random' | 'now' | 'wall' | 'setTimer'>;

/**
 * Milliseconds after which a stream counts as having worked: one that gives nodes and then ends at once, again and
 * again, is backed off from and not warned of each time.
 */
const SETTLED = 10_000;
const NO_USABLE_NODE = 'the target gave no usable node';

/** Characters of a reason in logs and `/health`. */
const MAX_REASON = 500;

/**
 * Runs the resolver of one target: validates what it emits, keeps the last good set in force while it gives nothing
 * usable, and subscribes again, with gRPC's back-off, when it errors or ends. Resolvers are written by users and fed by
 * networks: whatever they throw, emit or return ends here.
 */
export class Resolution {
  private state: TargetSnapshot['state'] = 'starting';
  /** On both clocks: the one is shown, the other tells the age. */
  private lastSuccess: { readonly at: Date; readonly clock: number } | undefined;
  private error: string | undefined;
  private endpoints: readonly ResolvedEndpoint[] = [];
  /** Was the last set of this watch usable? `undefined` before its first. */
  private lastSetUsable: boolean | undefined;

  private lifecycle: 'new' | 'running' | 'closed' = 'new';
  private subscription: Subscription | undefined;
  private subscribedAt = 0;
  private cancelRetry: (() => void) | undefined;
  /** Short-lived subscriptions in a row. */
  private attempt = 0;
  private readonly refreshRequests = new Subject<void>();
  private readonly failures = new NewReasons(SETTLED);
  /** What is wrong with the last usable set, and what has been told of such things. */
  private warning: string | undefined;
  private readonly warnings = new NewReasons(SETTLED);

  constructor(
    private readonly source: TargetSource,
    private readonly listener: ResolutionListener,
    private readonly deps: ResolutionDeps = SYSTEM_TIME,
  ) {}

  /** Begins to look for nodes, once. A static target has told its nodes when this returns. */
  start(): void {
    if (this.lifecycle !== 'new') return;
    this.lifecycle = 'running';
    this.subscribe();
  }

  /** Asks the resolver to look again at once. Ignored while it waits to be tried again: back-off is there to spare it. */
  refresh(): void {
    this.refreshRequests.next();
  }

  /** Has it neither told its first nodes nor failed? */
  get isStarting(): boolean {
    return this.state === 'starting';
  }

  snapshot(): TargetSnapshot {
    const { state, lastSuccess, error, warning, endpoints } = this;
    const { target, resolver } = this.source;
    const elapsed = lastSuccess && Math.round(this.deps.now() - lastSuccess.clock);
    const age = lastSuccess && resolver.finite ? 0 : elapsed;
    return {
      target: target.uri,
      state,
      lastSuccess: lastSuccess?.at,
      age,
      error,
      warning,
      nodes: endpoints.length,
    };
  }

  /** Ends the watch, for good; nothing is told afterwards. */
  close(): void {
    this.lifecycle = 'closed';
    this.cancelRetry?.();
    this.unsubscribe();
  }

  private subscribe(): void {
    const { resolver, target } = this.source;
    this.subscribedAt = this.deps.now();
    this.lastSetUsable = undefined;
    // Deferred, so that what `watch` throws, or returns instead of a stream, is an error of the stream.
    this.subscription = defer(() => resolver.watch(target, this.refreshRequests.asObservable())).subscribe({
      next: (emitted) => this.received(emitted),
      error: (error: unknown) => this.ended(reasonOf(error)),
      complete: () => this.completed(),
    });
    if (this.lifecycle === 'closed') this.unsubscribe();
  }

  private unsubscribe(): void {
    try {
      this.subscription?.unsubscribe();
    } catch {
      // A resolver whose teardown throws is as gone as any other.
    }
  }

  /** Takes whatever a resolver emits, whether or not it keeps to its type. */
  private received(emitted: unknown): void {
    if (this.lifecycle === 'closed') return;
    const told = read(emitted);
    switch (told.kind) {
      case 'failure':
        this.failed(told.failure);
        break;
      case 'contact':
        if (this.lastSetUsable === true) this.confirmed();
        break;
      case 'set':
        this.receivedSet(told);
    }
  }

  private receivedSet({ endpoints, problems, warning }: ReceivedSet): void {
    const summary = [warning, problems.length > 0 ? summarizeProblems(problems) : undefined]
      .filter((part) => part !== undefined)
      .join('; ');
    this.lastSetUsable = endpoints.length > 0;
    if (this.lastSetUsable) this.succeeded(endpoints, summary);
    else this.failed(summary === '' ? NO_USABLE_NODE : `${NO_USABLE_NODE} (${summary})`);
  }

  private succeeded(endpoints: readonly Endpoint[], summary: string): void {
    const resolved = endpoints.map(resolveEndpoint);
    const now = this.deps.now();
    this.warning = summary === '' ? undefined : this.safe(summary);
    if (this.warning === undefined) this.warnings.succeeded(now);
    else if (this.warnings.take(this.warning, now)) this.listener.onWarning?.(this.warning);
    if (sameMembers(this.endpoints, resolved)) {
      this.confirmed();
      return;
    }
    this.endpoints = resolved;
    this.inContact();
    this.listener.onEndpoints(resolved);
  }

  /** The last set is still the right one. */
  private confirmed(): void {
    const recovered = this.state === 'failing';
    this.inContact();
    if (recovered) this.listener.onRecovered?.();
  }

  private inContact(): void {
    const clock = this.deps.now();
    this.state = 'ok';
    this.lastSuccess = { at: new Date(this.deps.wall()), clock };
    this.error = undefined;
    this.failures.succeeded(clock);
  }

  private failed(reason: string): void {
    if (this.lifecycle === 'closed') return;
    this.state = 'failing';
    this.error = this.safe(reason);
    if (this.failures.take(this.error, this.deps.now())) this.listener.onFailure(this.error);
  }

  private completed(): void {
    if (!this.source.resolver.finite) this.ended('the resolver ended its stream');
    // A fixed list has been told; a second look would find the same.
    else if (this.state === 'starting') this.failed(NO_USABLE_NODE);
  }

  private ended(reason: string): void {
    this.failed(reason);
    if (this.lifecycle === 'closed') return;
    if (this.deps.now() - this.subscribedAt >= SETTLED) this.attempt = 0;
    const delay = backoffDelay(DEFAULT_BACKOFF, this.attempt++, this.deps.random);
    this.cancelRetry = this.deps.setTimer(() => this.subscribe(), delay);
  }

  private safe(text: string): string {
    return oneLine(hideSecrets(text, this.source.target), MAX_REASON);
  }
}

/** A set as it came, checked. */
interface ReceivedSet extends ValidatedEndpoints {
  readonly kind: 'set';
  readonly warning: string | undefined;
}

type Received = ReceivedSet | { readonly kind: 'contact' } | ({ readonly kind: 'failure' } & ResolveFailure);

/** Makes out what a resolver emitted. */
function read(emitted: unknown): Received {
  try {
    if (Array.isArray(emitted)) return { kind: 'set', ...validateEndpoints(emitted), warning: undefined };
    const { failure, alive, nodes, warning } = (emitted ?? {}) as Partial<
      ResolveFailure & ResolveContact & ResolvedPart
    >;
    if (typeof failure === 'string') return { kind: 'failure', failure };
    if (Array.isArray(nodes) && typeof warning === 'string')
      return { kind: 'set', ...validateEndpoints(nodes), warning };
    if (alive === true) return { kind: 'contact' };
    return { kind: 'failure', failure: `expected a list of nodes, got ${describeValue(emitted)}` };
  } catch (error) {
    // It held objects that run code of their own when they are read.
    return { kind: 'failure', failure: reasonOf(error) };
  }
}

/** Total, since what is thrown need not be an error, nor an error's message a string. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `failed with ${describeValue(error)}`;
  const message: unknown = error.message;
  return typeof message === 'string' && message !== '' ? message : 'failed without a message';
}
