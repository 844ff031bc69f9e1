import {
  AUTHORIZATION,
  BAGGAGE,
  isLibraryKey,
  isReservedKey,
  RETRY,
  TIMEOUT,
  TRACEPARENT,
  TRACESTATE,
} from './context-keys.js';
import type { Cancellation } from './cancellation.js';
import type { ContextSettings } from './context-settings.js';
import type { Peer } from './peer.js';
import type { RequestContextInit } from './request-context.js';
import { RequestContext } from './request-context.js';
import { validTrace } from './trace-context.js';

/** What of a context goes to a service. */
export interface ForwardSettings {
  /** Further keys: these, or all. */
  readonly forward: readonly string[] | 'all';
  readonly authorization: boolean;
}

/**
 * Visible ASCII: it ends up in logs and in a response header. A UUID has 36 characters, the longest common ids
 * 64.
 */
const SANE_REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
/** Whole milliseconds. */
const TIMEOUT_VALUE = /^\d{1,10}$/;
/** The longest delay that Node's timers know; a deadline further off is as good as none. */
const MAX_TIMEOUT = 2_147_483_647;
/**
 * C0 but for the tab, DEL, C1, and the line ends of Unicode: they forge headers, log lines and terminal output.
 */
// eslint-disable-next-line no-control-regex -- finding them is the purpose
const CONTROL_CHARACTERS = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/;

/** Reads one raw value; `undefined` when it is not one that can be taken. */
type ReadValue = (value: unknown, key: string) => string | undefined;

/**
 * The context of a message, out of its metadata, which is untrusted: only known keys, only strings, bounded. It
 * is read when something is first asked of the context, but the deadline counts from `arrivedAt`.
 */
export function decodeMetadata(
  metadata: unknown,
  settings: ContextSettings,
  peer?: Peer,
  cancellation?: Cancellation,
  arrivedAt: number = performance.now(),
): RequestContext {
  if (typeof metadata !== 'object' || metadata === null)
    return new RequestContext({}, peer, settings.requestIdHeader, cancellation);
  return new RequestContext(
    () => decode(metadata, settings, readString, arrivedAt),
    peer,
    settings.requestIdHeader,
    cancellation,
  );
}

/**
 * The remaining milliseconds of a message's deadline, without a look at the rest of its metadata, which is untrusted;
 * `undefined` when it has none.
 */
export function readTimeout(metadata: unknown): number | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const value = (metadata as Record<string, unknown>)[TIMEOUT];
  return typeof value === 'string' && TIMEOUT_VALUE.test(value) ? millisecondsOf(value) : undefined;
}

/**
 * The context of an HTTP request, out of its headers, which are as untrusted. They are read at once, since
 * middleware may change them. The library's own keys are not among them: it never calls over HTTP, so whoever sends
 * them is a stranger who would set deadlines here.
 */
export function decodeHeaders(
  headers: object,
  settings: ContextSettings,
  peer?: Peer,
  cancellation?: Cancellation,
): RequestContext {
  return new RequestContext(
    decode(headers, settings, readHeader, performance.now()),
    peer,
    settings.requestIdHeader,
    cancellation,
  );
}

/** The metadata of a message that carries `context` to a service. */
export function encodeContext(
  context: RequestContext,
  settings: ForwardSettings,
  remainingMs: number | undefined = context.remaining(),
): Record<string, string> {
  return withTimeout(encodeStatic(context, settings), remainingMs);
}

/**
 * What a balanced call sends beside its message: `encodeContext()` for the hot path.
 *
 * @param settings the service's own; the same object for each of its calls, as results are remembered by it
 * @param remainingMs milliseconds that the call has left; the deadline of the context is not looked at
 * @returns `undefined` when there is nothing to send. It may be shared by several calls: copy it before you
 * change it.
 */
export function forwardedMetadata(
  context: RequestContext | undefined,
  settings: ForwardSettings,
  remainingMs?: number,
): Readonly<Record<string, string>> | undefined {
  if (context === undefined) return remainingMs === undefined ? undefined : withTimeout(NOTHING, remainingMs);
  const known = encodedStatic(context, settings);
  return remainingMs === undefined ? known : withTimeout(known, remainingMs);
}

/**
 * The metadata of one attempt, put together from what is forwarded, what the call was given and what the user's hook
 * set, in rising precedence; the deadline and the mark of a retry, which are the library's, stand above them all. Names
 * differ by more than case: what a call was given goes out in lower case, as the servers know it; what the hook set goes
 * out as plain Nest would send it.
 */
export function outgoingMetadata(
  forwarded: Readonly<Record<string, string>> | undefined,
  given: Readonly<Record<string, string>> | undefined,
  hooked: Readonly<Record<string, string>> | undefined,
  remainingMs: number | undefined,
  isRetry = false,
): Record<string, string> | undefined {
  const timeout = timeoutValue(remainingMs);
  if (!isRetry && forwarded === undefined && given === undefined && hooked === undefined) {
    // By far the most frequent case: nothing to copy, one known shape.
    return timeout === undefined ? undefined : { [TIMEOUT]: timeout };
  }
  const metadata = { ...forwarded };
  if (given) for (const [key, value] of Object.entries(given)) metadata[key.toLowerCase()] = value;
  if (hooked) {
    for (const [key, value] of Object.entries(hooked)) {
      if (isLibraryKey(key)) continue;
      Reflect.deleteProperty(metadata, key.toLowerCase());
      metadata[key] = value;
    }
  }
  if (timeout !== undefined) metadata[TIMEOUT] = timeout;
  if (isRetry) metadata[RETRY] = '1';
  return metadata;
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

type StaticBySettings = Map<ForwardSettings, Readonly<Record<string, string>>>;

/** What was encoded before, so that the calls that one request makes encode it once for each service. */
const encoded = new WeakMap<RequestContext, StaticBySettings>();

function encodedStatic(context: RequestContext, settings: ForwardSettings): Readonly<Record<string, string>> {
  let bySettings = encoded.get(context);
  if (!bySettings) {
    bySettings = new Map();
    encoded.set(context, bySettings);
  }
  let known = bySettings.get(settings);
  if (!known) {
    known = Object.freeze(encodeStatic(context, settings));
    bySettings.set(settings, known);
  }
  return known;
}

/** All but the deadline, which is another at each call. */
function encodeStatic(context: RequestContext, settings: ForwardSettings): Record<string, string> {
  const metadata: Record<string, string> = { [context.requestIdHeader]: context.requestId };
  const { traceparent, tracestate, baggage, authorization } = context;
  if (traceparent !== undefined) metadata[TRACEPARENT] = traceparent;
  if (tracestate !== undefined) metadata[TRACESTATE] = tracestate;
  if (baggage !== undefined) metadata[BAGGAGE] = baggage;
  if (settings.authorization && authorization !== undefined) metadata[AUTHORIZATION] = authorization;
  const forwarded = settings.forward === 'all' ? context.entries.keys() : settings.forward;
  for (const name of forwarded) {
    const key = name.toLowerCase();
    const value = context.get(key);
    if (value !== undefined && !isReservedKey(key)) metadata[key] = value;
  }
  return metadata;
}

/** Rounded down, so that a deadline never moves away as it is handed on. */
function timeoutValue(remainingMs: number | undefined): string | undefined {
  if (remainingMs === undefined || remainingMs > MAX_TIMEOUT) return undefined;
  return String(Math.max(0, Math.floor(remainingMs)));
}

function withTimeout(
  metadata: Readonly<Record<string, string>>,
  remainingMs: number | undefined,
): Record<string, string> {
  const timeout = timeoutValue(remainingMs);
  return timeout === undefined ? { ...metadata } : { ...metadata, [TIMEOUT]: timeout };
}

function decode(
  source: object,
  settings: ContextSettings,
  read: ReadValue,
  arrivedAt: number,
): RequestContextInit {
  const values = takeKnown(source, settings, read);
  const requestId = take(values, settings.requestIdHeader);
  const timeout = take(values, TIMEOUT);
  const authorization = take(values, AUTHORIZATION);
  const isRetry = take(values, RETRY) === '1';
  return {
    requestId: requestId !== undefined && SANE_REQUEST_ID.test(requestId) ? requestId : undefined,
    deadline:
      timeout !== undefined && TIMEOUT_VALUE.test(timeout) ? arrivedAt + millisecondsOf(timeout) : undefined,
    authorization,
    isRetry,
    ...validTrace(take(values, TRACEPARENT), take(values, TRACESTATE), take(values, BAGGAGE)),
    entries: values,
  };
}

function millisecondsOf(timeout: string): number {
  return Math.min(Number(timeout), MAX_TIMEOUT);
}

/**
 * The values of the keys that are taken in, until the budget is used up: the most important first, whatever
 * order they came in.
 */
function takeKnown(source: object, settings: ContextSettings, read: ReadValue): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of Object.keys(source)) {
    if (name.length > settings.maxKeyLength) continue;
    const key = settings.keys.has(name) ? name : name.toLowerCase();
    if (!settings.keys.has(key) || found.has(key)) continue;
    const value = read((source as Record<string, unknown>)[name], key);
    if (value !== undefined && value.length <= settings.maxValueLength && !CONTROL_CHARACTERS.test(value)) {
      found.set(key, value);
    }
  }
  const values = new Map<string, string>();
  let budget = settings.maxTotalLength;
  for (const key of settings.keys) {
    const value = found.get(key);
    if (value === undefined || key.length + value.length > budget) continue;
    budget -= key.length + value.length;
    values.set(key, value);
  }
  return values;
}

function take(values: Map<string, string>, key: string): string | undefined {
  const value = values.get(key);
  values.delete(key);
  return value;
}

const readString: ReadValue = (value) => (typeof value === 'string' ? value : undefined);

/**
 * Headers that are a list by their definition may come in several lines; of the others, two lines contradict
 * each other.
 */
const LIST_HEADERS: ReadonlySet<string> = new Set([TRACESTATE, BAGGAGE]);

const readHeader: ReadValue = (value, key) => {
  if (isLibraryKey(key)) return undefined;
  if (!Array.isArray(value)) return readString(value, key);
  const lines: unknown[] = value;
  if (lines.length > 1 && !LIST_HEADERS.has(key)) return undefined;
  return lines.every((line) => typeof line === 'string') ? lines.join(',') : undefined;
};
