import { BadGatewayException, HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';

/** What the `cities` service answers when it refuses a request, and what that is over HTTP. */
const REFUSALS: Readonly<Record<string, number>> = { INVALID_QUERY: 400, UNKNOWN_COUNTRY: 404 };

/**
 * What a handler threw comes over the wire as a plain object: here it becomes an exception of Nest. A call that never got
 * an answer fails with an `Error`, which is left to the `LoadBalancerExceptionFilter`.
 */
export function refusalToHttp(error: unknown): unknown {
  if (error instanceof Error) return error;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && Object.hasOwn(REFUSALS, code)) {
    const statusCode = Number(REFUSALS[code]);
    return new HttpException({ statusCode, message, error: STATUS_CODES[statusCode], code }, statusCode);
  }
  return new BadGatewayException('the service failed to answer', { cause: error });
}
