import type { ReplyHandler } from './node-transport.js';
import { TRAILER_KEY } from './reply-trailer.js';
import type { ReplyTrailer } from './reply-trailer.js';

/** A reply as Nest writes it. */
interface ReplyEnvelope {
  id?: unknown;
  err?: unknown;
  response?: unknown;
  isDisposed?: unknown;
  status?: unknown;
  lb?: unknown;
}

/**
 * Hands a reply to the request it answers, as `ClientTCP#handleResponse` and `ClientProxy#createObserver` do together:
 * an error ends it, a value with `isDisposed` is the last one, `isDisposed` alone completes.
 *
 * @returns whether the request is finished and its entry can go
 */
export function deliverReply(
  handler: ReplyHandler,
  { err, response, isDisposed }: ReplyEnvelope,
  trailer?: ReplyTrailer,
): boolean {
  if (err) {
    handler.error(err, trailer);
    return true;
  }
  if (!isDisposed) {
    handler.next(response, false);
    return false;
  }
  if (response === undefined) handler.complete();
  else handler.next(response, true);
  return true;
}

/**
 * The default deserializer of Nest, without its allocations: a message with any key that a Nest packet does not have
 * comes from a foreign server, and is the answer as a whole.
 *
 * @param trailers the server is known to send trailers, so that one does not make a reply foreign
 */
export function toEnvelope(message: unknown, trailers = false): ReplyEnvelope {
  if (typeof message !== 'object' || message === null) return { response: message, isDisposed: true };
  let keys = 0;
  for (const key in message) {
    keys++;
    switch (key) {
      case 'id':
      case 'err':
      case 'response':
      case 'isDisposed':
      case 'status':
        continue;
      case TRAILER_KEY:
        if (trailers) continue;
        return foreign(message);
      default:
        return foreign(message);
    }
  }
  return keys === 0 ? { response: message, isDisposed: true } : message;
}

function foreign(message: object): ReplyEnvelope {
  return { id: (message as ReplyEnvelope).id, response: message, isDisposed: true };
}
