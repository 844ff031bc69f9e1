import { isLibraryKey } from '../context/context-keys.js';
import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import { LONGEST_TIMER } from '../module/validation/limits.js';
import type { RetryOptions } from '../module/options.js';
import { callRetry, hedge } from '../module/validation/call-schema.js';
import { didYouMean } from '../nearest.js';
import type { Check } from '../module/validation/schema.js';
import type { HedgeOptions } from '../resilience/hedge-policy.js';
import { describeValue, oneLine } from '../safe-text.js';

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
  /** Hedging of this call; `false` for none. */
  hedge?: HedgeOptions | false;
  /**
   * What the call is about: the strategies `ring-hash` and `maglev` send calls of one key to one node. By default what the
   * pattern's `hashKey` makes of the data.
   */
  hashKey?: string;
  /** Ends the call with a `CancelledError`. */
  signal?: AbortSignal;
  /** Wait for a node instead of failing with `NO_NODES`; the service's setting by default. */
  waitForReady?: boolean;
  /**
   * Sent beside the message, to be read with `RequestContext` or `TcpContext#getMetadata()`. Wins over the context.
   * Keys are sent in lower case; those that begin with `lb-` belong to the library.
   */
  metadata?: Readonly<Record<string, string>>;
}

const NAMES: readonly string[] = [
  'timeout',
  'idempotent',
  'retry',
  'hedge',
  'hashKey',
  'signal',
  'waitForReady',
  'metadata',
] satisfies (keyof CallOptions)[];

/**
 * Checks the options of a call. It runs on every call that has some, and allocates nothing when all is well.
 *
 * @throws InvalidOptionsError with every problem, its path beginning with `send(…)`
 */
export function validateCallOptions(options: unknown): void {
  if (options === undefined) return;
  if (!isRecord(options))
    throw new InvalidOptionsError([
      { path: 'send(…)', message: `expected an object with options, got ${describeValue(options)}` },
    ]);
  for (const name in options) {
    if (valueProblem(name, options[name]) !== undefined) throw new InvalidOptionsError(problemsOf(options));
  }
}

/** Every problem, now that there is one. */
function problemsOf(options: Readonly<Record<string, unknown>>): OptionsProblem[] {
  const problems: OptionsProblem[] = [];
  for (const name in options) {
    const message = valueProblem(name, options[name]);
    if (message !== undefined) problems.push({ path: `send(…).${oneLine(name, 60)}`, message });
  }
  return problems;
}

function valueProblem(name: string, value: unknown): string | undefined {
  switch (name) {
    case 'timeout':
      return value === undefined || (typeof value === 'number' && value >= 0 && value <= LONGEST_TIMER)
        ? undefined
        : `expected a number from 0 to ${LONGEST_TIMER} (milliseconds), got ${describeValue(value)}`;
    case 'signal':
      return value === undefined || isAbortSignal(value)
        ? undefined
        : `expected an AbortSignal, got ${describeValue(value)}`;
    case 'retry':
      return nestedProblem(value, callRetry);
    case 'hedge':
      return nestedProblem(value, hedge);
    case 'hashKey':
      return value === undefined || typeof value === 'string'
        ? undefined
        : `expected a string, got ${describeValue(value)}`;
    case 'idempotent':
    case 'waitForReady':
      return value === undefined || typeof value === 'boolean'
        ? undefined
        : `expected true or false, got ${describeValue(value)}`;
    case 'metadata':
      return value === undefined ? undefined : metadataProblem(value);
    default:
      return `unknown option${didYouMean(name, NAMES)}`;
  }
}

function metadataProblem(metadata: unknown): string | undefined {
  if (!isRecord(metadata)) return `expected an object of strings, got ${describeValue(metadata)}`;
  for (const key in metadata) {
    if (isLibraryKey(key)) return `${describeValue(key)} belongs to the library`;
    // Its value may be a secret, so only its kind is told.
    if (typeof metadata[key] !== 'string')
      return `expected a string as ${describeValue(key)}, got ${typeof metadata[key]}`;
  }
  return undefined;
}

/** The first thing that is wrong below an option that is an object. */
function nestedProblem(value: unknown, check: Check): string | undefined {
  if (value === undefined) return undefined;
  let problem: string | undefined;
  check(value, '', (path, message) => (problem ??= path === '' ? message : `${path}: ${message}`));
  return problem;
}

/** By its shape, since a signal may come from another realm or a polyfill. */
function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    isRecord(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function'
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
