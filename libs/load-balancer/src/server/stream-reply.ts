import type { Observer } from 'rxjs';
import type { ReplyWriter } from './reply-writer.js';
import type { ServedMessage } from './served-message.js';

/**
 * Answers a request with what an Observable emits. The last value of a tick is held back until the tick's end: when the
 * Observable completes meanwhile, as those of a single value do, the value and the end go as one reply, as in plain Nest.
 */
export class StreamReply implements Observer<unknown> {
  private held: unknown = undefined;
  private holding = false;
  private flushScheduled = false;

  constructor(
    private readonly message: ServedMessage,
    private readonly replies: ReplyWriter,
  ) {}

  next(value: unknown): void {
    this.message.onValue();
    this.release();
    this.held = value;
    this.holding = true;
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    process.nextTick(this.flush);
  }

  error(err: unknown): void {
    this.release();
    this.replies.fail(this.message, err);
  }

  complete(): void {
    const { message, replies, holding } = this;
    this.holding = false;
    replies.last(message, holding ? { response: this.held } : {});
  }

  private readonly flush = (): void => {
    this.flushScheduled = false;
    this.release();
  };

  private release(): void {
    if (!this.holding) return;
    this.holding = false;
    if (this.message.isOver) return;
    if (!this.replies.part(this.message, this.held)) this.message.stop();
  }
}
