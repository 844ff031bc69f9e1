import type { ReplyTrailer } from '../transport/reply-trailer.js';
import type { ClientConnection } from './client-connection.js';
import type { Drain } from './drain.js';
import type { LoadReporter } from './load-reporter.js';
import { REPORT_INTERVAL } from './load-reporter.js';
import type { RequestRefusal } from './refusals.js';
import type { ServedMessage } from './served-message.js';

/** Decides what a client of ours is told beside the end of an answer; nothing, most of the time. */
export class Trailers {
  constructor(
    private readonly load: LoadReporter,
    private readonly drain: Pick<Drain, 'draining'>,
  ) {}

  ofReply({ connection, context, failed }: ServedMessage, now: number): ReplyTrailer | undefined {
    if (!connection.readsTrailers) return undefined;
    const trailer = this.ofConnection(connection, now);
    // Whoever called was told not to retry by what is further down, or has retried: again here, it would multiply.
    return failed && context?.retriesEnded ? { ...trailer, retryAfter: 'never' } : trailer;
  }

  ofRefusal(
    connection: ClientConnection,
    { reason, retryAfter }: RequestRefusal,
    now: number,
  ): ReplyTrailer | undefined {
    if (!connection.readsTrailers) return undefined;
    return {
      ...this.ofConnection(connection, now),
      refused: reason,
      ...(retryAfter !== undefined && { retryAfter }),
    };
  }

  private ofConnection(connection: ClientConnection, now: number): ReplyTrailer | undefined {
    const { draining } = this.drain;
    const due = now - connection.reportedAt >= REPORT_INTERVAL;
    if (!due && !draining) return undefined;
    if (due) connection.reportedAt = now;
    return {
      ...(due && { load: this.load.report(now) }),
      ...(draining && { draining }),
    };
  }
}
