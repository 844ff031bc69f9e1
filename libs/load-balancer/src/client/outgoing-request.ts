import type { ReadPacket } from '@nestjs/microservices';
import type { RequestContext } from '../context/request-context.js';
import type { CallOptions } from './call-options.js';

/**
 * What the caller asked for, captured when `send()` or `emit()` was called. Every subscription of a `send()` starts a
 * call of its own from it.
 */
export interface OutgoingRequest {
  /** An event is handed to one node and not answered. */
  readonly kind: 'request' | 'event';
  readonly pattern: unknown;
  readonly data: unknown;
  readonly options: Readonly<CallOptions>;
  /** The context of the request that was being served. */
  readonly context: RequestContext | undefined;
  /** What of the context is forwarded stands in `options.metadata` already, where interceptors may have changed it. */
  readonly contextForwarded: boolean;
}

/**
 * Makes the packet of one attempt; `remaining` is what is left of the deadline in milliseconds, `isRetry` whether it is
 * one that was paid for out of the budget.
 */
export type BuildPacket = (
  request: OutgoingRequest,
  remaining: number | undefined,
  isRetry: boolean,
) => ReadPacket;
