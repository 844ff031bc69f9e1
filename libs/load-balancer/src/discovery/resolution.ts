import { defer, Subject, type Subscription } from 'rxjs';
import { resolveEndpoint, type Endpoint, type ResolvedEndpoint } from '../cluster/endpoint.js';
import type { DiscoverySnapshot } from '../cluster/snapshot.js';
import { backoffDelay, DEFAULT_BACKOFF } from '../resilience/backoff.js';
import { describeValue, oneLine } from '../safe-text.js';
import { SYSTEM_TIME, type TimeSource } from '../time-source.js';
import { summarizeProblems, validateEndpoints, type ValidatedEndpoints } from './endpoint-validation.js';
import { NewReasons } from './new-reasons.js';
import type { ResolveFailure } from './resolver.js';
import type { TargetSource } from './resolver-registry.js';
import { hideSecrets } from './target.js';

export interface ResolutionListener {
  /** A usable set; never empty. */
  onEndpoints(endpoints: readonly ResolvedEndpoint[]): void;
  /** It fails from now on, or for another reason than before; the last set stays in force. */
  onFailure(reason: string): void;
  /** Part of a set cannot be used; the rest of it is. Told once, until it changes. */
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
 * Runs the resolver of one service: validates what it emits, keeps the last good set in force while it gives nothing
 * usable, and subscribes again, with gRPC's back-off, when it errors or ends. Resolvers are written by users and fed by
 * networks: whatever they throw, emit or return ends here.
 */
export class Resolution {
  private state: DiscoverySnapshot['state'] = 'starting';
  private lastSuccess: Date | undefined;
  private error: string | undefined;

  private lifecycle: 'new' | 'running' | 'closed' = 'new';
  private subscription: Subscription | undefined;
  private subscribedAt = 0;
  private cancelRetry: (() => void) | undefined;
  /** Short-lived subscriptions in a row. */
  private attempt = 0;
  private readonly refreshRequests = new Subject<void>();
  private readonly failures = new NewReasons(SETTLED);
  private warning: string | undefined;

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

  snapshot(): DiscoverySnapshot {
    const { state, lastSuccess, error } = this;
    return { target: this.source.target.uri, state, lastSuccess, error };
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
    const validated = validate(emitted);
    if (typeof validated === 'string') {
      this.failed(validated);
      return;
    }
    const { endpoints, problems } = validated;
    const summary = problems.length === 0 ? undefined : summarizeProblems(problems);
    if (endpoints.length > 0) this.succeeded(endpoints, summary);
    else this.failed(summary === undefined ? NO_USABLE_NODE : `${NO_USABLE_NODE} (${summary})`);
  }

  private succeeded(endpoints: readonly Endpoint[], summary: string | undefined): void {
    this.state = 'ok';
    this.lastSuccess = new Date(this.deps.wall());
    this.error = undefined;
    this.failures.succeeded(this.deps.now());
    const warning = summary === undefined ? undefined : this.safe(summary);
    if (warning !== undefined && warning !== this.warning) this.listener.onWarning?.(warning);
    this.warning = warning;
    this.listener.onEndpoints(endpoints.map(resolveEndpoint));
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

/** The endpoints of what a resolver emitted, or why there are none. */
function validate(emitted: unknown): ValidatedEndpoints | string {
  try {
    if (isFailure(emitted)) return emitted.failure;
    return Array.isArray(emitted)
      ? validateEndpoints(emitted)
      : `expected a list of nodes, got ${describeValue(emitted)}`;
  } catch (error) {
    // It held objects that run code of their own when they are read.
    return reasonOf(error);
  }
}

function isFailure(emitted: unknown): emitted is ResolveFailure {
  return (
    typeof emitted === 'object' && emitted !== null && typeof (emitted as ResolveFailure).failure === 'string'
  );
}

/** Total, since what is thrown need not be an error, nor an error's message a string. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `failed with ${describeValue(error)}`;
  const message: unknown = error.message;
  return typeof message === 'string' && message !== '' ? message : 'failed without a message';
}
