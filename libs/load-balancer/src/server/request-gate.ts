import type { ClientConnection } from './client-connection.js';
import type { Drain } from './drain.js';
import type { HandlerTraits } from './handler-traits.js';
import type { RequestRefusal } from './refusals.js';
import { DRAINING, EXPIRED } from './refusals.js';
import type { Workload } from './workload.js';

/** Decides whether a request is served, before anything is done for it. */
export class RequestGate {
  constructor(
    private readonly workload: Workload,
    private readonly drain: Pick<Drain, 'draining'>,
  ) {}

  /**
   * `undefined`: it is served.
   *
   * @param deadline monotonic milliseconds, `Infinity` for none
   * @param traits `undefined` when there is no handler for it
   */
  check(
    connection: ClientConnection,
    traits: HandlerTraits | undefined,
    deadline: number,
    now: number,
  ): RequestRefusal | undefined {
    // A stock client would take the refusal for an answer.
    if (this.drain.draining && connection.readsTrailers) return DRAINING;
    if (deadline <= now) return EXPIRED;
    const overload = traits && this.workload.check(traits.priority, now);
    return overload && { reason: 'overloaded', retryAfter: overload.retryAfter };
  }
}
