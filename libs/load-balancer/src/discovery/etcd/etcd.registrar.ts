import type { Etcd3 } from 'etcd3';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointKey } from '../../cluster/endpoint.js';
import {
  RegistrationRefusedError,
  type Registrar,
  type Registration,
  type RegistrationLease,
} from '../registrar.js';
import type { Target } from '../resolver.js';
import { openEtcd } from './etcd-client.js';
import { describeEtcdFailure, isLeaseGone } from './etcd-failure.js';
import { EtcdKeepAlive } from './etcd-keep-alive.js';
import { checkEtcdOptions, etcdConnection, type EtcdOptions } from './etcd-options.js';
import { etcdRegistrarProblem, parseEtcdTarget, type EtcdTarget } from './etcd-target.js';
import { encodeNode } from './node-value.js';

/** Milliseconds for a registration with all its tries; a change of leader takes one or two seconds. */
const REGISTER_TIMEOUT = 5_000;
/** Tries of one registration, and milliseconds between them: what a change of leader has spoilt works the next time. */
const TRIES = 3;
const RETRY = 100;

/**
 * Registers a provider in etcd: the key `<path>/<host>:<port>` with its node as JSON (see docs/discovery-etcd.md), on a lease that
 * is kept alive. `etcd://10.0.0.9:2379/shop/orders?ttl=10000`: without a path, that is the name of the service; `ttl` is the milliseconds
 * that the key outlives a provider which dies, 2 000–3 600 000, 10 000 by default, rounded up to seconds. Everything else is as with `EtcdResolver`.
 *
 * @throws InvalidOptionsError when an option is unknown or has a wrong value.
 *
 * @example
 * ```ts
 * new BalancedTcpServer({
 *   service: 'orders',
 *   register: 'etcd://10.0.0.9:2379/shop/orders',
 *   registrars: [new EtcdRegistrar({ username: 'orders', password: secrets.etcd })],
 * })
 * ```
 */
export class EtcdRegistrar implements Registrar {
  readonly schemes = ['etcd'];

  constructor(private readonly options: EtcdOptions = {}) {
    checkEtcdOptions(options, 'EtcdRegistrar');
  }

  validate(target: Target): string | undefined {
    return etcdRegistrarProblem(target);
  }

  async register(
    registration: Registration,
    target: Target,
    onLost: (reason: string) => void,
    signal: AbortSignal,
  ): Promise<RegistrationLease> {
    const parsed = parseEtcdTarget(target);
    if (!parsed.ok) throw new Error(parsed.problem);
    const connection = await etcdConnection(parsed.value, this.options, process.env);
    signal.throwIfAborted();

    const attempt = new EtcdRegistration(openEtcd(connection), registration, parsed.value, onLost);
    try {
      return await attempt.make(signal);
    } catch (error) {
      await attempt.abandon();
      signal.throwIfAborted();
      const { reason, refused } = describeEtcdFailure(error);
      throw new (refused ? RegistrationRefusedError : Error)(reason, { cause: error });
    }
  }
}

class EtcdRegistration {
  private lease: { readonly ID: string; readonly ttl: number; readonly grantedAt: number } | undefined;

  constructor(
    private readonly etcd: Etcd3,
    private readonly registration: Registration,
    private readonly target: EtcdTarget,
    private readonly onLost: (reason: string) => void,
  ) {}

  async make(signal: AbortSignal): Promise<RegistrationLease> {
    const end = performance.now() + REGISTER_TIMEOUT;
    for (let tried = 1; ; tried++) {
      try {
        const { ID, ttl, grantedAt } = (this.lease ??= await this.grant());
        await this.put(ID);
        signal.throwIfAborted();
        const keepAlive = new EtcdKeepAlive(this.etcd, ID, ttl, grantedAt, (reason) => {
          this.etcd.close();
          this.onLost(reason);
        });
        return { deregister: () => this.deregister(ID, keepAlive) };
      } catch (error) {
        // etcd may have forgotten the lease, if it was just that which failed.
        if (isLeaseGone(error)) this.lease = undefined;
        const { refused } = describeEtcdFailure(error);
        if (refused || signal.aborted || tried >= TRIES || performance.now() + RETRY >= end) throw error;
        await sleep(RETRY, undefined, { signal });
      }
    }
  }

  /** Leaves nothing behind, as far as etcd can be reached: the key may have been written all the same. */
  async abandon(): Promise<void> {
    if (this.lease) await this.etcd.leaseClient.leaseRevoke({ ID: this.lease.ID }).catch(() => undefined);
    this.etcd.close();
  }

  private async grant(): Promise<{ ID: string; ttl: number; grantedAt: number }> {
    const grantedAt = performance.now();
    const { ID, TTL } = await this.etcd.leaseClient.leaseGrant({ TTL: this.target.ttl });
    return { ID, ttl: Number(TTL), grantedAt };
  }

  private async put(lease: string): Promise<void> {
    const path = this.target.path === '' ? this.registration.service : this.target.path;
    await this.etcd.kv.put({
      key: Buffer.from(`${path}/${endpointKey(this.registration)}`),
      value: Buffer.from(encodeNode(this.registration)),
      lease,
    });
  }

  /** With its lease, the key goes. */
  private async deregister(lease: string, keepAlive: EtcdKeepAlive): Promise<void> {
    keepAlive.close();
    try {
      await this.etcd.leaseClient.leaseRevoke({ ID: lease });
    } catch (error) {
      // It has run out already: what was wanted is so.
      if (!isLeaseGone(error)) throw new Error(describeEtcdFailure(error).reason, { cause: error });
    } finally {
      this.etcd.close();
    }
  }
}
