import type { Observable } from 'rxjs';
import type { CallInterceptor, OutgoingCall } from './call-interceptor.js';

/** Wraps the interceptors round a call, the first one outermost. */
export function intercept<C extends OutgoingCall>(
  interceptors: readonly CallInterceptor[],
  call: C,
  last: (call: OutgoingCall) => Observable<unknown>,
): Observable<unknown> {
  const chain = interceptors.reduceRight<(call: OutgoingCall) => Observable<unknown>>(
    (next, interceptor) => (current) => interceptor(current, next),
    last,
  );
  return chain(call);
}
