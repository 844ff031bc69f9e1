import type { MessageHandler } from '@nestjs/microservices';
import type { ProbeAnswer } from '../transport/probe-protocol.js';
import { acceptsTrailers, probeAnswer } from '../transport/probe-protocol.js';
import type { ClientConnection } from './client-connection.js';
import type { Drain } from './drain.js';
import { marksOf } from './handler-marks.js';
import type { LoadReporter } from './load-reporter.js';

/**
 * What clients may rely on beyond plain Nest. `context`: it reads `packet.metadata`, on Nest 11 too. `cancel`: it listens to
 * `CANCEL_PATTERN`. `drain`: it says when it drains, and refuses rather than drops. `trailer`: replies may carry one.
 */
export const FEATURES: readonly string[] = ['context', 'cancel', 'drain', 'trailer'];

/** Answers probes, and learns from them what the client understands. */
export class Probes {
  constructor(
    private readonly service: string | undefined,
    private readonly handlers: ReadonlyMap<string, MessageHandler>,
    private readonly load: LoadReporter,
    private readonly drain: Pick<Drain, 'draining'>,
  ) {}

  answer(connection: ClientConnection, request: unknown, now: number): ProbeAnswer {
    connection.readsTrailers = acceptsTrailers(request);
    connection.reportedAt = now;
    const { draining } = this.drain;
    if (draining) connection.noticedAt = Math.min(connection.noticedAt, now);
    const isFirst = !connection.knowsRoutes;
    connection.knowsRoutes = true;
    return probeAnswer(this.service, FEATURES, {
      ...(draining && { draining }),
      load: this.load.report(now),
      ...(isFirst && { idempotent: this.idempotentRoutes() }),
    });
  }

  private idempotentRoutes(): string[] {
    return [...this.handlers]
      .filter(([, handler]) => !handler.isEventHandler && marksOf(handler.extras).idempotent === true)
      .map(([route]) => route);
  }
}
