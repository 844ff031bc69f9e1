import type { LoadReport } from '../cluster/snapshot.js';
import type { PushBack } from '../resilience/retry-backoff.js';
import { parsePushBack } from '../resilience/retry-backoff.js';

/**
 * The key under which a server of ours tells more than Nest's reply does, in replies and in notices of its own accord.
 * Only connections whose probe announced the feature `trailer` get it: to a stock Nest 12 client a reply with any
 * further key is a foreign envelope.
 *
 * @example
 * ```json
 * {"id":7,"response":{…},"isDisposed":true,"lb":{"load":{"inFlight":12,"latency":3.5,"rate":840,"errorRate":0.002,"loopDelay":0.4,"utilization":0.31}}}
 * {"id":8,"err":{…},"isDisposed":true,"lb":{"refused":"overloaded","retryAfter":250}}
 * {"lb":{"draining":true}}
 * ```
 */
export const TRAILER_KEY = 'lb';

export type { LoadReport };

/** Why a server did not serve a request. In each case no handler ran. */
export type RefusalReason =
  /** It is about to stop: another node can take it at once. */
  | 'draining'
  /** It has more to do than it can; `retryAfter` says when to come back. */
  | 'overloaded'
  /** The deadline had passed when its turn came. */
  | 'expired';

/** What a reply carries beside the answer. */
export interface ReplyTrailer {
  readonly load?: LoadReport;
  /** The server is about to stop and wants nothing new. */
  readonly draining?: true;
  readonly refused?: RefusalReason;
  /** Milliseconds after which a retry may be made, or `'never'`: what failed below has been retried already. */
  readonly retryAfter?: PushBack;
}

const REFUSALS: ReadonlySet<unknown> = new Set<RefusalReason>(['draining', 'overloaded', 'expired']);
/** More figures of its operator's than these are left out, as are those with longer names. */
const MAX_CUSTOM = 32;
const CUSTOM_NAME = /^[A-Za-z][\w.-]{0,63}$/;

/** Reads a trailer. It is untrusted: a part that makes no sense is left out, `undefined` when nothing is left. */
export function parseTrailer(value: unknown): ReplyTrailer | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { load, draining, refused, retryAfter } = value as Record<string, unknown>;
  const report = parseLoadReport(load);
  const pushBack = parsePushBack(retryAfter);
  const known = REFUSALS.has(refused);
  if (report === undefined && draining !== true && !known && pushBack === undefined) return undefined;
  return {
    ...(report !== undefined && { load: report }),
    ...(draining === true && { draining }),
    ...(known && { refused: refused as RefusalReason }),
    ...(pushBack !== undefined && { retryAfter: pushBack }),
  };
}

/** Reads a load report, which is untrusted, too; without its count of requests it says nothing. */
export function parseLoadReport(value: unknown): LoadReport | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { inFlight, latency, rate, errorRate, loopDelay, utilization, custom } = value as Record<
    string,
    unknown
  >;
  if (!isAmount(inFlight)) return undefined;
  return {
    inFlight,
    latency: amountOf(latency),
    rate: amountOf(rate),
    errorRate: shareOf(errorRate),
    loopDelay: amountOf(loopDelay),
    utilization: shareOf(utilization),
    custom: boundedFigures(custom),
  };
}

/** The figures of an operator's that are taken: finite, with plain names, not too many. `undefined` when there are none. */
export function boundedFigures(value: unknown): Readonly<Record<string, number>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const figures = Object.entries(value)
    .slice(0, MAX_CUSTOM)
    .filter(([name, figure]) => CUSTOM_NAME.test(name) && name !== 'constructor' && Number.isFinite(figure));
  return figures.length === 0 ? undefined : Object.fromEntries(figures);
}

function amountOf(value: unknown): number | undefined {
  return isAmount(value) ? value : undefined;
}

function shareOf(value: unknown): number | undefined {
  return isAmount(value) ? Math.min(1, value) : undefined;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}
