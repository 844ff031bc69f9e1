import type { Observable } from 'rxjs';
import type { CallOptions } from './call-options.js';

/** A call on its way out, as interceptors see it. */
export interface OutgoingCall {
  readonly service: string;
  readonly pattern: unknown;
  readonly data: unknown;
  readonly options: Readonly<CallOptions>;
}

/**
 * Wraps the whole call (all its attempts), as a Nest interceptor wraps a handler. It may change the call that it hands
 * on, look at or replace the answers, or answer itself without calling `next`.
 *
 * @example
 * ```ts
 * const logged: CallInterceptor = (call, next) =>
 *   next(call).pipe(tap({ error: (error) => logger.warn(`${call.service}: ${error.message}`) }));
 * ```
 */
export type CallInterceptor = (
  call: OutgoingCall,
  next: (call: OutgoingCall) => Observable<unknown>,
) => Observable<unknown>;
