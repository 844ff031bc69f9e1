import { HttpException } from '@nestjs/common';
import { isLoadBalancerError, type ErrorCode, type LoadBalancerError } from 'nestjs-load-balancer';

/** What clients of the gateway are told. Addresses of nodes are ours to know: they stay in the log. */
const CALL_FAILURES: Partial<Record<ErrorCode, readonly [status: number, message: string]>> = {
  NO_NODES: [503, 'no node can take the request right now'],
  CONNECT_FAILED: [503, 'no node could be reached'],
  CONNECTION_LOST: [503, 'the node that served the request went away'],
  CLIENT_CLOSED: [503, 'the gateway is shutting down'],
  DEADLINE_EXCEEDED: [504, 'the request took too long'],
};

/** What the `cities` service answers when it refuses a request. */
const REFUSALS: Readonly<Record<string, number>> = { INVALID_QUERY: 400, UNKNOWN_COUNTRY: 404 };

/** Whatever went wrong, as HTTP says it: one message in plain words, and a `code` for programs. */
export function toHttpException(error: unknown): HttpException {
  if (error instanceof HttpException) return error;
  if (isLoadBalancerError(error)) return fromCallFailure(error);
  const refusal = fromRefusal(error);
  return refusal ?? httpException(500, 'INTERNAL', 'something went wrong in the gateway', error);
}

function fromCallFailure(error: LoadBalancerError): HttpException {
  const [status, message] = CALL_FAILURES[error.code] ?? [500, 'the request could not be sent'];
  return httpException(status, error.code, `${error.service ?? 'service'}: ${message}`, error);
}

/** A handler's error comes over the wire as the plain object that the provider threw. */
function fromRefusal(error: unknown): HttpException | undefined {
  if (typeof error !== 'object' || error === null || error instanceof Error) return undefined;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const status = typeof code === 'string' && Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  return status === undefined
    ? httpException(502, 'BAD_GATEWAY', 'the service failed to answer', error)
    : httpException(status, String(code), String(message), error);
}

function httpException(statusCode: number, code: string, message: string, cause: unknown): HttpException {
  return new HttpException({ statusCode, code, message }, statusCode, { cause });
}
