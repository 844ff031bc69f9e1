import type { Socket } from 'node:net';
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
  raw?: HttpResponseLike;
}

/**
 * The context of each request, by Node's own request object: middleware that resumes from a stream's event may
 * lose what is current.
 */
const opened = new WeakMap<HttpRequestLike, RequestContext>();

/**
 * The context of a request, opened the first time it is asked for. The request's id is then told in the
 * response, for whoever reports a problem with it.
 */
export function openHttpContext(
  request: HttpRequestLike,
  response: HttpResponseLike | undefined,
  settings: ContextSettings,
): RequestContext {
  const raw = request.raw ?? request;
  const known = opened.get(raw);
  if (known) return known;
  const context = decodeHeaders(raw.headers, settings, raw.socket ? peerOf(raw.socket) : undefined);
  opened.set(raw, context);
  const rawResponse = response?.raw ?? response;
  if (rawResponse?.headersSent === false)
    rawResponse.setHeader?.(settings.requestIdHeader, context.requestId);
  return context;
}
