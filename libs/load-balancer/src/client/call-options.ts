import { InvalidOptionsError, type OptionsProblem } from '../errors.js';
import { LONGEST_TIMER } from '../module/validation/limits.js';
import { didYouMean } from '../module/validation/nearest.js';
import { describeValue, oneLine } from '../safe-text.js';

/** Options of one call: the third argument of `send()`. */
export interface CallOptions {
  /** Milliseconds for the whole call, 0 for no limit of its own; the service's `timeout` by default. An inherited deadline that is nearer wins. */
  timeout?: number;
  /** Ends the call with a `CancelledError`. */
  signal?: AbortSignal;
  /** Wait for a node instead of failing with `NO_NODES`; the service's setting by default. */
  waitForReady?: boolean;
  /**
   * Sent beside the message, to be read with `RequestContext` or `TcpContext#getMetadata()`. Wins over the context.
   * Keys that begin with `lb-` belong to the library.
   */
  metadata?: Readonly<Record<string, string>>;
}

const NAMES: readonly string[] = [
  'timeout',
  'signal',
  'waitForReady',
  'metadata',
] satisfies (keyof CallOptions)[];
const RESERVED_PREFIX = 'lb-';

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
    if (key.startsWith(RESERVED_PREFIX)) return `${describeValue(key)} belongs to the library`;
    // Its value may be a secret, so only its kind is told.
    if (typeof metadata[key] !== 'string')
      return `expected a string as ${describeValue(key)}, got ${typeof metadata[key]}`;
  }
  return undefined;
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
