/**
 * The names under which a context travels, as HTTP headers and as metadata of a message. Lower case, as Node
 * delivers headers.
 */
export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';
export const BAGGAGE = 'baggage';
export const AUTHORIZATION = 'authorization';

/** Remaining milliseconds until the deadline. What begins with `lb-` belongs to the library. */
export const TIMEOUT = 'lb-timeout';
/** `1` when the request is a retry, or made for one. */
export const RETRY = 'lb-retry';
const LIBRARY_KEY = /^lb-/i;

const STANDARD_KEYS: ReadonlySet<string> = new Set([TRACEPARENT, TRACESTATE, BAGGAGE, AUTHORIZATION]);

/** Names that mean something on every JavaScript object, and so are never taken from outside. */
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** RFC 9110's `token`, in lower case: what can be the name of a header on every HTTP version. */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** Can it be the name of a header, in lower case? */
export function isHeaderName(key: string): boolean {
  return HEADER_NAME.test(key) && !PROTOTYPE_KEYS.has(key);
}

/** Does it belong to the library, in whatever case it is written? */
export function isLibraryKey(key: string): boolean {
  return LIBRARY_KEY.test(key);
}

/** Is it one that the context handles itself, so that users may not claim it? */
export function isReservedKey(key: string): boolean {
  return STANDARD_KEYS.has(key) || isLibraryKey(key);
}
