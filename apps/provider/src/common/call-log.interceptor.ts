import {
  Injectable,
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { TcpContext } from '@nestjs/microservices';
import { RequestContext } from 'nestjs-load-balancer';
import { finalize, tap, type Observable } from 'rxjs';

/** One line a call: what was asked, how many answers were given, how long it took, and the first caller's request id. */
@Injectable()
export class CallLogInterceptor implements NestInterceptor {
  private readonly logger = new Logger('Call');

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const pattern = context.switchToRpc().getContext<TcpContext>().getPattern();
    const requestId = RequestContext.current()?.requestId ?? '-';
    const start = performance.now();
    let answers = 0;
    let failure = '';
    return next.handle().pipe(
      tap({
        next: () => {
          answers += 1;
        },
        error: (error: unknown) => {
          failure = `, failed: ${error instanceof Error ? error.message : String(error)}`;
        },
      }),
      finalize(() => {
        const duration = (performance.now() - start).toFixed(1);
        this.logger.log(`${pattern} ${answers} answers in ${duration} ms${failure} [${requestId}]`);
      }),
    );
  }
}
