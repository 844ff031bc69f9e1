import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { RequestContext } from 'nestjs-load-balancer';
import { map, type Observable } from 'rxjs';

/** Tells the request's id in the body of every good answer; the library tells it in the `x-request-id` header of all. */
@Injectable()
export class RequestIdInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const requestId = RequestContext.current()?.requestId;
    return next.handle().pipe(map((body: unknown) => (isObject(body) ? { ...body, requestId } : body)));
  }
}

/** A handler that writes its response itself returns nothing. */
function isObject(body: unknown): body is object {
  return typeof body === 'object' && body !== null;
}
