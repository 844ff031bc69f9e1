import type { Logger } from '@nestjs/common';
import type { Serializer, WritePacket } from '@nestjs/microservices';
import type { ProbeAnswer } from '../transport/probe-protocol.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';
import { TRAILER_KEY } from '../transport/reply-trailer.js';
import type { ClientConnection } from './client-connection.js';
import type { RequestRefusal } from './refusals.js';
import { refusalError } from './refusals.js';
import type { ServedMessage } from './served-message.js';
import type { Trailers } from './trailers.js';

/** Nest's own words, which it does not export. */
const NO_MESSAGE_HANDLER = 'There is no matching message handler defined in the remote service.';

/** What Nest answers for a handler that threw something of its own. */
const INTERNAL_ERROR = Object.freeze({ status: 'error', message: 'Internal server error' });

type Reply = WritePacket & { id?: unknown; [TRAILER_KEY]?: ReplyTrailer };

/** Writes replies as Nest does, with a trailer for those who understand it. */
export class ReplyWriter {
  constructor(
    private readonly serializer: Serializer,
    private readonly trailers: Trailers,
    private readonly logger: Pick<Logger, 'error'>,
  ) {}

  /**
   * A value of a stream that goes on.
   *
   * @returns whether it could be written; if not, the caller was told that there will be no more
   */
  part(message: ServedMessage, response: unknown): boolean {
    return this.write(message.connection, message.id, { response });
  }

  /** The end of a request's answer, and so of the work for it. */
  last(message: ServedMessage, reply: WritePacket): void {
    this.end(message, reply);
  }

  /** Its handler answers with an error. */
  fail(message: ServedMessage, err: unknown): void {
    message.failed = true;
    this.end(message, { err });
  }

  /** No handler runs for the request. */
  refuse(connection: ClientConnection, id: unknown, refusal: RequestRefusal, now: number): void {
    const trailer = this.trailers.ofRefusal(connection, refusal, now);
    this.write(connection, id, { err: refusalError(refusal), isDisposed: true }, trailer);
  }

  noHandler(connection: ClientConnection, id: unknown): void {
    this.write(connection, id, { status: 'error', err: NO_MESSAGE_HANDLER });
  }

  probeAnswer(connection: ClientConnection, id: unknown, response: ProbeAnswer): void {
    this.write(connection, id, { response, isDisposed: true });
  }

  private end(message: ServedMessage, reply: WritePacket): void {
    const { connection, id, isOver } = message;
    const now = performance.now();
    message.end(now);
    if (isOver) return;
    reply.isDisposed = true;
    this.write(connection, id, reply, this.trailers.ofReply(message, now));
  }

  private write(connection: ClientConnection, id: unknown, reply: Reply, trailer?: ReplyTrailer): boolean {
    const { socket } = connection;
    reply.id = id;
    if (trailer) reply[TRAILER_KEY] = trailer;
    try {
      socket?.sendMessage(this.serializer.serialize(reply));
      return true;
    } catch (error) {
      // A value that cannot be written, such as a cycle. Stock Nest logs it and leaves the caller waiting.
      this.logger.error(error);
      socket?.sendMessage(this.serializer.serialize({ id, err: INTERNAL_ERROR, isDisposed: true }));
      return false;
    }
  }
}
