import { isLibraryKey } from '../context/context-keys.js';
import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import type { RetryOptions, StrategyOptions } from '../module/options.js';
import { callRetry, hedge } from '../module/validation/call-schema.js';
import { didYouMean } from '../nearest.js';
import {
  anything,
  boolean,
  isObject,
  milliseconds,
  pathTo,
  type Check,
  type Fields,
  type Report,
} from '../module/validation/schema.js';
import type { HedgeOptions } from '../resilience/hedge-policy.js';
import { describeValue } from '../safe-text.js';
import type { StrategyName } from '../strategies/registry.js';

/** Options of one call: the third argument of `send()`. */
export interface CallOptions {
  /** Milliseconds for the whole call, 0 for no limit of its own; the service's `timeout` by default. An inherited deadline that is nearer wins. */
  timeout?: number;
  /**
   * May it be processed twice without harm? Only then is it retried after it was sent, and hedged. By default what the
   * service's `patterns` say, or its provider with `@Idempotent()`; else no.
   */
  idempotent?: boolean;
  /** Retries of this call, key by key over the service's; `false` for none. */
  retry?: Omit<RetryOptions, 'budget'> | false;
  /** Hedging of this call; `false` for none. Of `send()` only: an event has no answer that could stay out. */
  hedge?: HedgeOptions | false;
  /**
   * How its node is chosen: a strategy by name, or by name with options that are plain data; by default as the pattern or
   * the service has it. Calls with equal options share one strategy, and so its turns. A service keeps 16 such
   * strategies beside those of its options and refuses more, so do not compute options from data.
   */
  strategy?: CallStrategy;
  /**
   * What the call is about: the strategies `ring-hash` and `maglev` send calls of one key to one node. By default what the
   * pattern's `hashKey` says, else the `@HashKey()` of the data's class, else the service's `hashKey`; so also where it is empty.
   */
  hashKey?: string | number | bigint;
  /** Ends the call with a `CancelledError`. */
  signal?: AbortSignal;
  /** Wait for a node instead of failing with `NO_NODES`; the service's setting by default. */
  waitForReady?: boolean;
  /** Does an error say what the pick went by, in `explanation`? The service's setting by default. */
  explainErrors?: boolean;
  /**
   * Sent beside the message, to be read with `RequestContext` or `TcpContext#getMetadata()`. Wins over the context.
   * Keys are sent in lower case; those that begin with `lb-` belong to the library.
   */
  metadata?: Readonly<Record<string, string>>;
}

/** A strategy that a call names. */
export type CallStrategy = StrategyName | (string & {}) | StrategyOptions;

/** The method that was given the options, for messages. */
export type CallMethod = 'send' | 'emit' | 'broadcast' | 'explain';

const signal: Check = (value, path, report) => {
  if (!isAbortSignal(value)) report(path, `expected an AbortSignal, got ${describeValue(value)}`);
};

const hashKey: Check = (value, path, report) => {
  if (typeof value !== 'string' && typeof value !== 'bigint' && !Number.isFinite(value))
    report(path, `expected a string or a number, got ${describeValue(value)}`);
};

const metadata: Check = (value, path, report) => {
  if (!isObject(value)) {
    report(path, `expected an object of strings, got ${describeValue(value)}`);
    return;
  }
  for (const key in value) {
    if (isLibraryKey(key)) report(path, `${describeValue(key)} belongs to the library`);
    // Its value may be a secret, so only its kind is told.
    else if (typeof value[key] !== 'string')
      report(path, `expected a string as ${describeValue(key)}, got ${typeof value[key]}`);
  }
};

const fields: Fields<CallOptions> = {
  timeout: milliseconds(0),
  idempotent: boolean,
  retry: callRetry,
  hedge,
  // See service-strategies.ts: it needs the names that the module knows.
  strategy: anything,
  hashKey,
  signal,
  waitForReady: boolean,
  explainErrors: boolean,
  metadata,
};
const checks: ReadonlyMap<string, Check> = new Map(Object.entries(fields));

/**
 * Checks the options of a call. It runs on every call that has some, and allocates nothing when all is well (but for
 * those that are objects themselves, `retry` and `hedge`).
 *
 * @throws InvalidOptionsError with every problem, each path beginning with the method: `send(…).retry.maxAttempts`
 */
export function validateCallOptions(options: unknown, method: CallMethod): void {
  if (options === undefined) return;
  if (!isObject(options))
    throw new InvalidOptionsError([
      { path: `${method}(…)`, message: `expected an object with options, got ${describeValue(options)}` },
    ]);
  for (const name in options) {
    if (!isRight(name, options[name])) throw new InvalidOptionsError(problemsOf(options, `${method}(…)`));
  }
  // There is no answer to wait for.
  if (method === 'emit' && options.hedge)
    throw new InvalidOptionsError([
      { path: 'emit(…).hedge', message: 'is for send() only; events have no answer' },
    ]);
}

/** How many problems the first look has found; here, since a function made for each look would be an allocation. */
let found = 0;
const count: Report = () => {
  found++;
};

function isRight(name: string, value: unknown): boolean {
  found = 0;
  // Nobody reads the path.
  checkOption(name, value, '', count);
  return found === 0;
}

/** Every problem, now that there is one. */
function problemsOf(options: Readonly<Record<string, unknown>>, method: string): OptionsProblem[] {
  const problems: OptionsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  for (const name in options) checkOption(name, options[name], pathTo(method, name), report);
  return problems;
}

function checkOption(name: string, value: unknown, path: string, report: Report): void {
  const check = checks.get(name);
  if (!check) report(path, `unknown option${didYouMean(name, [...checks.keys()])}`);
  else if (value !== undefined) check(value, path, report);
}

/** By its shape, since a signal may come from another realm or a polyfill. */
function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    isObject(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function'
  );
}
