import type { Deserializer, Serializer, TcpSocket } from '@nestjs/microservices';
import { JsonSocket } from '@nestjs/microservices';
import type { Type } from '@nestjs/common';
import type { TlsOptions } from 'node:tls';
import type { ContextOptions } from '../context/context-options.js';
import { contextOptionsProblems } from '../context/context-settings.js';
import type { OptionsProblem } from '../errors.js';
import { InvalidOptionsError } from '../errors.js';
import type { Check, Report } from '../module/validation/schema.js';
import {
  anything,
  boolean,
  callable,
  having,
  integer,
  isObject,
  milliseconds,
  number,
  section,
} from '../module/validation/schema.js';
import { hostProblem } from '../discovery/host-port.js';
import type { Registrar } from '../discovery/registrar.js';
import type { Gradient2Options } from '../resilience/gradient2-limit.js';
import { describeValue } from '../safe-text.js';
import { isServiceName } from '../transport/probe-protocol.js';
import type { ReportFigures } from './load-reporter.js';
import { checkRegister, registrars, type Register } from './registration/registration-options.js';
import { serverLimits } from './server-limits-schema.js';

/** How important a request is: 0 the most, and the default; 3 the least. */
export type Priority = 0 | 1 | 2 | 3;

/**
 * How much the server takes on at once. A request beyond it is refused before its handler runs, with the code `OVERLOADED`
 * and, in `retryAfter`, the milliseconds after which there may be room; clients of this library try another node or wait.
 * Events count, but are never refused, since nobody would hear of it.
 */
export interface ServerLimitsOptions {
  /** Messages in flight, at least 1; a handler marked `@Cost(n)` counts n. No limit by default. */
  maxInFlight?: number;
  /**
   * Finds the limit by watching latency (Gradient2 of Netflix's concurrency-limits), at most `maxInFlight` where that is
   * given, too; `false` by default.
   */
  adaptive?: boolean | Gradient2Options;
  /**
   * By pattern: the text of one that is a string, the JSON text of one that is an object. The fuller the server, the more
   * important a request must be: those of priority 0 may fill the limit, of 1 nine tenths of it, of 2 eight, of 3 seven.
   *
   * @example
   * ```ts
   * priorities: { '{"cmd":"report"}': 3, 'search': 1 }
   * ```
   */
  priorities?: Record<string, Priority>;
}

/** Options of `BalancedTcpServer`: what Nest's own TCP server takes, with the same meaning, and more. */
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
   * Characters of one incoming message; Nest's default (134 217 728). Like the next two, refused beside a
   * `socketClass` of one's own, which never hears of it.
   */
  maxBufferSize?: number;
  /** Milliseconds a client may stay silent in the middle of a message, 0 for no limit; 30 000 by default. */
  incompleteMessageTimeout?: number;
  /** Bytes queued for a client that does not read, 0 for no limit; 134 217 728 by default. */
  maxSendBufferSize?: number;
  /** The service's name, told to the clients that probe it: 1–253 visible characters; none by default. */
  service?: string;
  /**
   * Registers the server once it listens, under the name `service`, and keeps it registered; takes it off first thing in a
   * drain. `etcd://10.0.0.9:2379/orders`, several of these, or an object with weight, zone, version and more; none by default.
   *
   * @example
   * ```ts
   * register: { target: 'etcd://10.0.0.9:2379/orders', zone: 'eu-1a', version: '1.4.0' }
   * ```
   */
  register?: Register;
  /** Registrars for schemes of your own, or for built-in ones with credentials. */
  registrars?: Registrar[];
  /**
   * What the request context takes from incoming messages; by default what the `LoadBalancerModule` of the application is
   * told with its `context` (on Nest 11, guards of the very first message do not see that yet).
   */
  context?: ContextOptions;
  /**
   * Milliseconds that `close()` gives to what is being served, and to clients that have yet to turn away; 10 000 by default,
   * 0 to destroy all connections at once. Keep it below the time after which an orchestrator kills (30 s on Kubernetes).
   */
  drainTimeout?: number;
  /**
   * Drains on SIGTERM, too, whether or not Nest's shutdown hooks are enabled; `true` by default. When nobody else listens to
   * the signal, it ends the process afterwards, as it would have done at once.
   */
  drainOnSigterm?: boolean;
  /** No limits by default. */
  limits?: ServerLimitsOptions;
  /**
   * Figures of your own for the load report that clients of this library get: at most 32, finite, with names of letters,
   * digits and `_ . -`; others are left out. Called at most every 5 ms, and only while there are calls: it must be quick.
   *
   * @example
   * ```ts
   * report: () => ({ queued: this.jobs.length, poolWaiting: pool.waitingCount })
   * ```
   */
  report?: ReportFigures;
}

export const hostName: Check = (value, path, report) => {
  const problem = hostProblem(value);
  if (problem !== undefined) report(path, problem);
};

export const serviceName: Check = (value, path, report) => {
  if (!isServiceName(value))
    report(path, `expected 1–253 visible characters without blanks, got ${describeValue(value)}`);
};

/** Its options are Node's to check, and its values are secrets. */
const tlsOptions: Check = (value, path, report) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    report(path, `expected an object, as tls.createServer() takes it, got ${describeValue(value)}`);
};

const context: Check = (value, path, report) => {
  for (const problem of contextOptionsProblems(value, path)) report(problem.path, problem.message);
};

const schema = section<BalancedTcpServerOptions>({
  host: hostName,
  port: number({ min: 0, max: 65_535, integer: true }),
  tlsOptions,
  socketClass: callable('a class that extends TcpSocket'),
  serializer: having('serialize'),
  deserializer: having('deserialize'),
  maxBufferSize: integer(1),
  incompleteMessageTimeout: integer(0),
  maxSendBufferSize: integer(0),
  service: serviceName,
  // What depends on both is looked at afterwards.
  register: anything,
  registrars,
  context,
  drainTimeout: milliseconds(0),
  drainOnSigterm: boolean,
  limits: serverLimits,
  report: callable('a function that returns figures by name'),
});

function checkRegistration(
  { service, register, registrars: own }: Readonly<Record<string, unknown>>,
  path: string,
  report: Report,
): void {
  if (register === undefined) {
    if (own !== undefined) report(`${path}.registrars`, 'has no meaning without "register"');
    return;
  }
  checkRegister(register, own, `${path}.register`, report);
  if (service === undefined)
    report(`${path}.service`, 'missing; expected the name to register the server under');
}

/** Nest hands these to its own framing alone, and we to ours. */
const FRAMING = ['maxBufferSize', 'incompleteMessageTimeout', 'maxSendBufferSize'] as const;

function checkFraming(options: Readonly<Record<string, unknown>>, path: string, report: Report): void {
  const { socketClass } = options;
  if (socketClass === undefined || socketClass === JsonSocket) return;
  for (const option of FRAMING)
    if (options[option] !== undefined)
      report(`${path}.${option}`, 'has no effect on a socketClass of your own, which has to see to it');
}

/**
 * Checks the options.
 *
 * @throws InvalidOptionsError with every problem.
 */
export function checkServerOptions(
  options: unknown,
  path = 'BalancedTcpServer',
): asserts options is BalancedTcpServerOptions {
  const problems: OptionsProblem[] = [];
  const report: Report = (at, message) => problems.push({ path: at, message });
  schema(options, path, report);
  if (isObject(options)) {
    checkRegistration(options, path, report);
    checkFraming(options, path, report);
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}
