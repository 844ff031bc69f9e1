import type { Socket } from 'node:net';
import { Cancellation } from './cancellation.js';
import type { ContextSettings } from './context-settings.js';
import { decodeHeaders } from './metadata-codec.js';
import { peerOf } from './peer.js';
import type { RequestContext } from './request-context.js';

/** What is read of a request: Node's own, or the one that Fastify wraps round it. */
export interface HttpRequestLike {
  headers: object;
  socket?: Socket | null;
  /** Node's own request, on Fastify's. */
  raw?: HttpRequestLike;
}

/** What is needed of a response: Node's own, or the one that Fastify wraps round it. */
export interface HttpResponseLike {
  headersSent?: boolean;
  setHeader?(name: string, value: string): unknown;
  /** Has its connection been closed, or has it been finished and let go? */
  closed?: boolean;
  /** Has all of it been handed to the system? */
  writableFinished?: boolean;
  once?(event: 'close', listener: () => void): unknown;
  raw?: HttpResponseLike;
}

/**
 * The context of each request, by Node's own request object: middleware that resumes from a stream's event may
 * lose what is current.
 */
const opened = new WeakMap<HttpRequestLike, RequestContext>();

/**
 * The context of a request, opened the first time it is asked for. The request's id is then told in the
 * response, for whoever reports a problem with it. It is cancelled when the client goes away unanswered.
 */
export function openHttpContext(
  request: HttpRequestLike,
  response: HttpResponseLike | undefined,
  settings: ContextSettings,
): RequestContext {
  const raw = request.raw ?? request;
  const known = opened.get(raw);
  if (known) return known;
  const rawResponse = response?.raw ?? response;
  const context = decodeHeaders(
    raw.headers,
    settings,
    raw.socket ? peerOf(raw.socket) : undefined,
    rawResponse ? cancelledWith(rawResponse) : undefined,
  );
  opened.set(raw, context);
  if (rawResponse?.headersSent === false)
    rawResponse.setHeader?.(settings.requestIdHeader, context.requestId);
  return context;
}

/** Cancelled when the connection closes before the whole response has gone out. */
function cancelledWith(response: HttpResponseLike): Cancellation {
  const cancellation = new Cancellation();
  const closed = (): void => {
    // Also the end of every response that went well.
    if (!response.writableFinished) cancellation.cancel(clientGone());
  };
  if (response.closed) closed();
  else response.once?.('close', closed);
  return cancellation;
}

/** By its name, what `fetch` and Node's own functions take for an abort. */
function clientGone(): DOMException {
  return new DOMException('The client closed the connection before it was answered', 'AbortError');
}
