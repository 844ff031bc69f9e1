import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { RequestContext } from 'nestjs-load-balancer';
import type { ServerResponse } from 'node:http';
import { toHttpException } from './to-http-exception.js';

/** Every error as JSON with the request's id. What is the client's fault is not logged; what is ours is, with its cause. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Error');

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<ServerResponse>();
    const requestId = RequestContext.current()?.requestId;
    const exception = toHttpException(error);
    const status = exception.getStatus();
    if (status >= 500) this.logger.error(`${reasonOf(error)} [${requestId ?? '-'}]`);
    if (response.headersSent) {
      // Half of a stream is out. Cut off is the one way left to say that it is not the whole.
      response.destroy();
      return;
    }
    const body = exception.getResponse();
    response.statusCode = status;
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(
      JSON.stringify({
        ...(typeof body === 'string' ? { statusCode: status, message: body } : body),
        requestId,
      }),
    );
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error);
  // Errors with a code explain themselves; only for the others is a stack of use.
  return 'code' in error ? `${String(error.code)}: ${error.message}` : (error.stack ?? error.message);
}
