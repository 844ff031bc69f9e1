import { NewReasons } from '../../discovery/new-reasons.js';
import type { RegistrarSource } from '../../discovery/registrar-registry.js';
import { isRefusal, type Registration, type RegistrationLease } from '../../discovery/registrar.js';
import { endpointKey } from '../../cluster/endpoint.js';
import { hideSecrets } from '../../discovery/target.js';
import type { Backoff } from '../../resilience/backoff.js';
import { BackoffRun } from '../../resilience/backoff-run.js';
import { oneLine } from '../../safe-text.js';

/** A registry that is back is to know its providers within seconds. */
const BACKOFF: Backoff = Object.freeze({ initial: 500, multiplier: 1.6, jitter: 0.2, max: 2_000 });
/** What it refuses somebody has to put right; and to check a password is expensive for it. */
const REFUSED: Backoff = Object.freeze({ initial: 1_000, multiplier: 2, jitter: 0.2, max: 30_000 });
/** Milliseconds after which a registration counts as having held: one that is lost sooner, again and again, is backed off from. */
const SETTLED = 10_000;
/** Milliseconds that a drain waits for a registry. What is not taken off it by then runs out by itself. */
const LEAVE_TIMEOUT = 2_000;
const MAX_REASON = 500;

/** One registration now, as `/health` shows it. */
export interface RegistrationSnapshot {
  readonly service: string;
  /** Without its secrets. */
  readonly target: string;
  /**
   * `registering`: it has not been registered yet. `lost`: it was, and is made anew. `leaving`: it is being taken off, or has
   * been.
   */
  readonly state: 'registering' | 'registered' | 'lost' | 'leaving';
  /** `host:port` as consumers are told; `undefined` until it is known. */
  readonly address: string | undefined;
  readonly since: Date;
  /** What is wrong, unless it is registered. */
  readonly error: string | undefined;
  /** Has it ever been registered? Readiness waits for the first time only. */
  readonly hasBeenRegistered: boolean;
}

/** What a keeper needs of the world; time and chance are replaced in tests. */
export interface KeeperDeps {
  /** What to register; may fail, and is asked for anew with each try. */
  readonly describe: (signal: AbortSignal) => Promise<Registration>;
  readonly logger: { log(message: string): void; warn(message: string): void };
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Wall clock in milliseconds; only shown. */
  readonly wall: () => number;
  /** Calls back after some milliseconds; returns what prevents it. */
  readonly schedule: (callback: () => void, delay: number) => () => void;
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'registering'; readonly giveUp: AbortController; readonly ended: Promise<void> }
  | { readonly kind: 'registered'; readonly lease: RegistrationLease; readonly at: number }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'left' };

/**
 * Keeps a provider registered in one registry: tries until it works, and again when the registration is lost, with back-off and
 * jitter. Nothing that a registry does or fails to do throws here.
 */
export class RegistrationKeeper {
  private state: State = { kind: 'new' };
  private since: Date;
  private error: string | undefined;
  private address: string | undefined;
  private hasBeenRegistered = false;
  private readonly failures: BackoffRun;
  /** Has a warning been logged since it was last said to be registered? */
  private hasWarned = false;
  private readonly reasons = new NewReasons(SETTLED);

  constructor(
    private readonly service: string,
    private readonly source: RegistrarSource,
    private readonly deps: KeeperDeps,
  ) {
    this.since = new Date(deps.wall());
    this.failures = new BackoffRun(deps.random);
  }

  start(): void {
    if (this.state.kind === 'new') this.register();
  }

  /** Takes it off the registry, or gives up trying; resolves within two seconds, and never rejects. */
  async stop(): Promise<void> {
    const { state } = this;
    this.enter({ kind: 'left' });
    switch (state.kind) {
      case 'registering':
        state.giveUp.abort();
        await this.inTime(state.ended).catch(() => undefined);
        return;
      case 'waiting':
        state.cancel();
        return;
      case 'registered':
        await this.deregister(state.lease);
        return;
      case 'new':
      case 'left':
    }
  }

  snapshot(): RegistrationSnapshot {
    const { service, address, since, error, hasBeenRegistered } = this;
    return {
      service,
      target: this.source.target.uri,
      state: this.shown(),
      address,
      since,
      error,
      hasBeenRegistered,
    };
  }

  private shown(): RegistrationSnapshot['state'] {
    switch (this.state.kind) {
      case 'registered':
        return 'registered';
      case 'left':
        return 'leaving';
      case 'new':
      case 'registering':
      case 'waiting':
        return this.hasBeenRegistered ? 'lost' : 'registering';
    }
  }

  /** Every change of state goes through here. */
  private enter(state: State): void {
    const before = this.shown();
    this.state = state;
    if (this.shown() !== before) this.since = new Date(this.deps.wall());
  }

  private register(): void {
    const giveUp = new AbortController();
    // Begun in a later turn, so that the state is this one before anything comes of it.
    const ended = Promise.resolve()
      .then(() => this.tryOnce(giveUp.signal))
      .catch((error: unknown) => {
        if (!giveUp.signal.aborted) this.failed(error);
      });
    this.enter({ kind: 'registering', giveUp, ended });
  }

  private async tryOnce(signal: AbortSignal): Promise<void> {
    const { registrar, target } = this.source;
    const registration = await this.deps.describe(signal);
    signal.throwIfAborted();
    this.address = endpointKey(registration);
    // A registrar may lose it before it has handed out the lease.
    const loss: { reason?: string; tell?: (reason: string) => void } = {};
    const onLost = (reason: string): void => {
      loss.reason = reason;
      loss.tell?.(reason);
    };
    const lease = await registrar.register(registration, target, onLost, signal);
    if (signal.aborted) {
      await this.deregister(lease);
      return;
    }
    this.registered(lease);
    loss.tell = (reason) => this.lost(lease, reason);
    if (loss.reason !== undefined) loss.tell(loss.reason);
  }

  private registered(lease: RegistrationLease): void {
    const at = this.deps.now();
    const isFirst = !this.hasBeenRegistered;
    this.hasBeenRegistered = true;
    this.enter({ kind: 'registered', lease, at });
    this.error = undefined;
    this.reasons.succeeded(at);
    // One that is lost in quick turns is not told each time, nor is that it is back.
    if (!isFirst && !this.hasWarned) return;
    this.hasWarned = false;
    this.deps.logger.log(`Registered ${this.service} at ${this.address ?? ''} in ${this.source.target.uri}`);
  }

  private lost(lease: RegistrationLease, reason: string): void {
    // Of a registration that has been given up, or replaced.
    if (this.state.kind !== 'registered' || this.state.lease !== lease) return;
    const held = this.deps.now() - this.state.at >= SETTLED;
    if (held) this.failures.reset();
    this.tell(`The registration of ${this.service} in ${this.source.target.uri} is lost`, reason);
    // At once, if it had held: it is missed.
    this.wait(held ? 0 : this.failures.next(BACKOFF));
  }

  private failed(error: unknown): void {
    const reason = error instanceof Error && error.message !== '' ? error.message : 'failed without a reason';
    this.tell(`${this.service} cannot be registered in ${this.source.target.uri}`, reason);
    this.wait(this.failures.next(isRefusal(error) ? REFUSED : BACKOFF));
  }

  private wait(delay: number): void {
    this.enter({ kind: 'waiting', cancel: this.deps.schedule(() => this.register(), delay) });
  }

  private async deregister(lease: RegistrationLease): Promise<void> {
    const { uri } = this.source.target;
    try {
      await this.inTime(lease.deregister());
      this.deps.logger.log(`Deregistered ${this.service} from ${uri}`);
    } catch (error) {
      this.tell(
        `${this.service} could not be deregistered from ${uri}, which will forget it by itself`,
        error instanceof Error ? error.message : 'failed without a reason',
      );
    }
  }

  private async inTime(work: Promise<void>): Promise<void> {
    let cancel: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.deps.schedule(() => reject(new Error('no answer in time')), LEAVE_TIMEOUT);
    });
    try {
      await Promise.race([work, late]);
    } finally {
      cancel?.();
    }
  }

  private tell(what: string, reason: string): void {
    this.error = oneLine(hideSecrets(reason, this.source.target), MAX_REASON);
    if (!this.reasons.take(`${what}: ${this.error}`, this.deps.now())) return;
    this.hasWarned = true;
    this.deps.logger.warn(`${what}: ${this.error}`);
  }
}
