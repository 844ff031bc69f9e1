import { STATUS_CODES } from 'node:http';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, HttpException, Logger } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { throwError } from 'rxjs';
import type { OverloadedError } from '../errors.js';
import { isLoadBalancerError, LoadBalancerError } from '../errors.js';
import type { ErrorAnswer } from './error-answers.js';
import { answerTo } from './error-answers.js';
import type { HttpResponse } from './http-answer.js';
import { answerWithJson } from './http-answer.js';

/** What the caller of a message handler gets, in the form of Nest's own errors. */
export interface RpcErrorAnswer {
  status: 'error';
  message: string;
  /** That of the error which the handler ran into. */
  code: string;
  /** Milliseconds, where an overloaded service said when to come back. */
  retryAfter?: number;
}

/** By the brand and not by the class: an error of another copy of the package is one of ours, too. */
abstract class AnyLoadBalancerError extends LoadBalancerError {
  static override [Symbol.hasInstance](error: unknown): boolean {
    return isLoadBalancerError(error);
  }
}

/**
 * Answers for errors of the library that no handler caught: without it Nest makes a 500 of each.
 *
 * | `code` | HTTP status |
 * |---|---|
 * | `NO_NODES`, `CONNECT_FAILED`, `CONNECTION_LOST`, `CLIENT_CLOSED` | 503 |
 * | `DEADLINE_EXCEEDED` | 504 |
 * | `OVERLOADED` | 429, with `Retry-After` where the service said when to come back |
 * | `CANCELLED` | 499; mostly the client is gone by then |
 * | `INVALID_OPTIONS` | 500 |
 *
 * The body is Nest's usual one and the `code`: `{ "statusCode": 503, "message": "No node can take the request",
 * "error": "Service Unavailable", "code": "NO_NODES" }`. A caller of a message handler gets {@link RpcErrorAnswer}. Neither
 * names services or nodes; the log does.
 *
 * It catches nothing but errors of the library, so it leaves every other filter, and Nest's own handling, as they are.
 *
 * @example
 * ```ts
 * app.useGlobalFilters(new LoadBalancerExceptionFilter());
 * // or, in a module:
 * providers: [{ provide: APP_FILTER, useClass: LoadBalancerExceptionFilter }]
 * ```
 */
@Catch(AnyLoadBalancerError)
export class LoadBalancerExceptionFilter implements ExceptionFilter<LoadBalancerError> {
  // The name under which Nest logs what nobody caught.
  private readonly logger = new Logger('ExceptionsHandler');

  catch(error: LoadBalancerError, host: ArgumentsHost): Observable<never> | HttpException | undefined {
    const answer = answerTo(error);
    this.log(error, answer);
    switch (host.getType<string>()) {
      case 'http':
        answerWithJson(
          host.switchToHttp().getResponse<HttpResponse>(),
          answer.status,
          httpBody(error, answer),
          retryAfterHeader(error),
        );
        return undefined;
      case 'rpc':
        return throwError(() => rpcAnswer(error, answer));
      default:
        // Those who answer themselves, such as GraphQL, are given what to tell.
        return new HttpException(httpBody(error, answer), answer.status, { cause: error });
    }
  }

  /** What is nobody's fault, or shed in masses, is not worth a stack. */
  private log(error: LoadBalancerError, { status }: ErrorAnswer): void {
    if (status >= 500) this.logger.error(error);
    else if (error.code === 'OVERLOADED') this.logger.warn(error.message);
    else this.logger.debug(error.message);
  }
}

function httpBody({ code }: LoadBalancerError, { status, message }: ErrorAnswer): object {
  return { statusCode: status, message, error: STATUS_CODES[status] ?? 'Client Closed Request', code };
}

function rpcAnswer(error: LoadBalancerError, { message }: ErrorAnswer): RpcErrorAnswer {
  const retryAfter = retryAfterOf(error);
  return { status: 'error', message, code: error.code, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

/** In whole seconds, rounded up: who comes back earlier is only turned away again. */
function retryAfterHeader(error: LoadBalancerError): Record<string, string> {
  const retryAfter = retryAfterOf(error);
  return retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1_000)) };
}

/** By its code and not by its class, as above. */
function retryAfterOf(error: LoadBalancerError): number | undefined {
  const { retryAfter } = error as OverloadedError;
  return error.code === 'OVERLOADED' && Number.isFinite(retryAfter) ? retryAfter : undefined;
}
