import {
  Injectable,
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { RequestContext } from 'nestjs-load-balancer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Observable } from 'rxjs';

/** One line a request, once it is over: what was asked, the status, how long it took, and the request id. */
@Injectable()
export class AccessLogInterceptor implements NestInterceptor {
  private readonly logger = new Logger('Http');

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const { method = '', url = '' } = http.getRequest<IncomingMessage>();
    const response = http.getResponse<ServerResponse>();
    const requestId = RequestContext.current()?.requestId ?? '-';
    const start = performance.now();
    response.once('close', () => {
      const outcome = response.writableFinished ? `${response.statusCode}` : 'cut off';
      const duration = (performance.now() - start).toFixed(1);
      this.logger.log(`${method} ${url} ${outcome} in ${duration} ms [${requestId}]`);
    });
    return next.handle();
  }
}
