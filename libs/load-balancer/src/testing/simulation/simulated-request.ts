import type { ReplyHandler } from '../../transport/node-transport.js';
import type { ReplyTrailer } from '../../transport/reply-trailer.js';
import { VirtualEvent } from './virtual-time.js';
import type { SimulatedServer } from './simulated-server.js';
import type { SimulatedTransport } from './simulated-transport.js';

/** What comes back for a request. */
export type SimulatedAnswer =
  | { readonly kind: 'response'; readonly response: unknown; readonly trailer?: ReplyTrailer | undefined }
  | { readonly kind: 'error'; readonly error: unknown; readonly trailer?: ReplyTrailer | undefined };

/**
 * One request on its way: to the server, in its hands, and back. It is the event of whichever of these comes next, so that a
 * call costs one object here.
 */
export class SimulatedRequest extends VirtualEvent {
  /** When the server read it. */
  readAt = 0;
  /** What the server had in flight when it read it, itself included. */
  among = 0;
  /** When the server will be done with it; a stall moves it. */
  doneAt = 0;
  /** Nobody waits for it any more, and the server has been told. */
  cancelled = false;

  private phase: 'outbound' | 'serving' | 'inbound' = 'outbound';
  private answer: SimulatedAnswer | undefined = undefined;

  /**
   * @param work how long it takes, as a multiple of the server's mean
   * @param deadline virtual milliseconds, `Infinity` for none
   */
  constructor(
    readonly transport: SimulatedTransport,
    readonly server: SimulatedServer,
    /** Which life of the server it was sent to: a restart knows nothing of what was sent before. */
    readonly life: number,
    readonly reply: ReplyHandler,
    readonly isProbe: boolean,
    readonly work: number,
    readonly deadline: number,
  ) {
    super();
  }

  happen(): void {
    switch (this.phase) {
      case 'outbound':
        this.server.arrived(this);
        return;
      case 'serving':
        this.server.worked(this);
        return;
      case 'inbound':
        if (this.answer) this.transport.deliver(this, this.answer);
    }
  }

  /** The server begins with it. */
  served(): void {
    this.phase = 'serving';
  }

  answered(answer: SimulatedAnswer): void {
    this.phase = 'inbound';
    this.answer = answer;
  }
}
