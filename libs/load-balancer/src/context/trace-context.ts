/** The trace of a request as W3C Trace Context and W3C Baggage define it: validated, never interpreted. */
export interface TraceContext {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly baggage: string | undefined;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ALL_ZERO = /^0+$/;

/** W3C Trace Context § 3.3.1.1: at most 32 members. */
const MAX_TRACESTATE_MEMBERS = 32;
const TRACESTATE_KEY =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
/** Visible ASCII and inner blanks, without the comma and the equals sign. */
const TRACESTATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * W3C Baggage § 3.3.2: at least 64 members are to be propagated; 180 was its first edition's bound and is the
 * common one.
 */
const MAX_BAGGAGE_MEMBERS = 180;
/**
 * `key=value`, and properties after a semicolon. The value is percent-encoded: visible ASCII without `"`, `,`,
 * `;` and `\`. One group for all properties, not one for each, so that no input makes it backtrack.
 */
const BAGGAGE_MEMBER =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[ \t]*[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*(?:[ \t]*;[\t\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]*)?$/;

/**
 * Keeps what is valid. An invalid `traceparent` is dropped, and `tracestate` with it, which means nothing on
 * its own.
 */
export function validTrace(
  traceparent: string | undefined,
  tracestate: string | undefined,
  baggage: string | undefined,
): TraceContext {
  const traced = traceparent !== undefined && isTraceparent(traceparent);
  return {
    traceparent: traced ? traceparent : undefined,
    tracestate: traced && tracestate !== undefined && isTracestate(tracestate) ? tracestate : undefined,
    baggage: baggage !== undefined && isBaggage(baggage) ? baggage : undefined,
  };
}

/**
 * W3C Trace Context § 3.2: of a version that is not known yet, what follows the four fields is not looked at.
 */
export function isTraceparent(value: string): boolean {
  const match = TRACEPARENT.exec(value);
  if (!match) return false;
  const [, version = '', traceId = '', parentId = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return false;
  return !ALL_ZERO.test(traceId) && !ALL_ZERO.test(parentId);
}

/** W3C Trace Context § 3.3: members `key=value`, empty ones allowed, no key twice. */
export function isTracestate(value: string): boolean {
  const members = listMembers(value);
  if (members.length === 0 || members.length > MAX_TRACESTATE_MEMBERS) return false;
  const keys = new Set<string>();
  for (const member of members) {
    const at = member.indexOf('=');
    const key = member.slice(0, Math.max(at, 0));
    if (!TRACESTATE_KEY.test(key) || !TRACESTATE_VALUE.test(member.slice(at + 1)) || keys.has(key))
      return false;
    keys.add(key);
  }
  return true;
}

/** W3C Baggage § 3.3: members `key=value;properties`. */
export function isBaggage(value: string): boolean {
  const members = listMembers(value);
  return (
    members.length > 0 &&
    members.length <= MAX_BAGGAGE_MEMBERS &&
    members.every((member) => BAGGAGE_MEMBER.test(member))
  );
}

function listMembers(value: string): string[] {
  return value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
