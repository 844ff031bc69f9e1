import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Observable } from 'rxjs';
import { ndjson } from './ndjson.js';

/**
 * Answers with the emissions, a line each. What fails before the first line is thrown with nothing sent, so that it can still
 * be answered with a status of its own. A client that goes away ends it without an error.
 */
export async function sendStream(source: Observable<object>, response: ServerResponse): Promise<void> {
  const lines = ndjson(source);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    await once(lines, 'readable', { signal: gone.signal });
    response.setHeader('content-type', 'application/x-ndjson; charset=utf-8');
    await pipeline(lines, response);
  } catch (error) {
    lines.destroy();
    if (!gone.signal.aborted) throw error;
  }
}
