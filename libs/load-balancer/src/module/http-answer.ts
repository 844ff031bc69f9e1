import type { ServerResponse } from 'node:http';

/** What the responses of Express and Fastify have in common. */
interface FrameworkResponse {
  /** Node's own response, on Fastify's; Express's is one itself. */
  readonly raw?: ServerResponse;
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** Of Express, of Fastify, or Node's own, which middleware on Fastify gets. */
export type HttpResponse = FrameworkResponse | ServerResponse;

/**
 * Answers with JSON. By what the response can do and not through Nest's adapter, which a filter that an application makes
 * with `new` has no way to find.
 */
export function answerWithJson(
  response: HttpResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>>,
): void {
  const raw = ('raw' in response ? response.raw : undefined) ?? (response as ServerResponse);
  if (raw.writableEnded || raw.destroyed) return;
  if (raw.headersSent) {
    // Half an answer is out. Cut off is the one way left to say that it is not the whole.
    raw.destroy();
    return;
  }
  const all = { ...headers, 'content-type': 'application/json; charset=utf-8' };
  const text = JSON.stringify(body);
  if ('send' in response) {
    response.status(status);
    for (const [name, value] of Object.entries(all)) response.header(name, value);
    response.send(text);
  } else {
    raw.writeHead(status, all).end(text);
  }
}
