import type { Deserializer, Serializer, TcpSocket } from '@nestjs/microservices';
import type { Type } from '@nestjs/common';
import type { TlsOptions } from 'node:tls';
import type { ContextOptions } from '../context/context-options.js';
import { contextOptionsProblems } from '../context/context-settings.js';
import type { OptionsProblem } from '../errors.js';
import { InvalidOptionsError } from '../errors.js';
import { describeValue } from '../safe-text.js';
import { isServiceName } from '../transport/probe-protocol.js';

/**
 * Options of `BalancedTcpServer`: what Nest's own TCP server takes, with the same meaning, and `service` and
 * `context`.
 */
export interface BalancedTcpServerOptions {
  /** The address to listen on; `localhost` by default. */
  host?: string;
  /** The port to listen on, 0 for any that is free; 3 000 by default. */
  port?: number;
  /**
   * Serves TLS, as `tls.createServer` takes it. With `requestCert`, `RequestContext#peer` tells the client's
   * subject.
   */
  tlsOptions?: TlsOptions;
  /** The framing of messages; our `FastTcpSocket` by default, which speaks the same bytes as Nest's `JsonSocket`. */
  socketClass?: Type<TcpSocket>;
  serializer?: Serializer;
  deserializer?: Deserializer;
  /**
   * Characters of one incoming message; Nest's default (134 217 728). Like the next two, not for a
   * `socketClass` of one's own.
   */
  maxBufferSize?: number;
  /** Milliseconds a client may stay silent in the middle of a message, 0 for no limit; 30 000 by default. */
  incompleteMessageTimeout?: number;
  /** Bytes queued for a client that does not read, 0 for no limit; 134 217 728 by default. */
  maxSendBufferSize?: number;
  /** The service's name, told to the clients that probe it: 1–253 visible characters; none by default. */
  service?: string;
  /** What the request context takes from incoming messages. */
  context?: ContextOptions;
}

type Check = (value: unknown) => string | undefined;

const CHECKS: Record<Exclude<keyof BalancedTcpServerOptions, 'context'>, Check> = {
  host: (value) => (typeof value === 'string' && value !== '' ? undefined : 'a host name or an IP address'),
  port: integer(0, 65_535),
  tlsOptions: (value) => (isObject(value) ? undefined : 'an object, as tls.createServer() takes it'),
  socketClass: (value) => (typeof value === 'function' ? undefined : 'a class that extends TcpSocket'),
  serializer: method('serialize'),
  deserializer: method('deserialize'),
  maxBufferSize: integer(1),
  incompleteMessageTimeout: integer(0),
  maxSendBufferSize: integer(0),
  service: (value) => (isServiceName(value) ? undefined : '1–253 visible characters without blanks'),
};

/**
 * Checks the options.
 *
 * @throws InvalidOptionsError with every problem.
 */
export function checkServerOptions(
  options: unknown,
  path = 'BalancedTcpServer',
): asserts options is BalancedTcpServerOptions {
  if (!isObject(options))
    throw new InvalidOptionsError([{ path, message: `expected an object, got ${describeValue(options)}` }]);
  const problems = Object.entries(options).flatMap(([key, value]) =>
    optionProblems(`${path}.${key}`, key, value),
  );
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}

function optionProblems(path: string, key: string, value: unknown): OptionsProblem[] {
  if (key === 'context') return contextOptionsProblems(value, path);
  if (!Object.hasOwn(CHECKS, key)) {
    return [{ path, message: `unknown option; known are ${[...Object.keys(CHECKS), 'context'].join(', ')}` }];
  }
  if (value === undefined) return [];
  const expected = CHECKS[key as keyof typeof CHECKS](value);
  return expected === undefined
    ? []
    : [{ path, message: `expected ${expected}, got ${describeValue(value)}` }];
}

function integer(min: number, max?: number): Check {
  const expected = max === undefined ? `an integer ≥ ${min}` : `an integer from ${min} to ${max}`;
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= (max ?? Infinity)
      ? undefined
      : expected;
}

function method(name: string): Check {
  return (value) =>
    isObject(value) && typeof value[name] === 'function' ? undefined : `an object with a method '${name}'`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
