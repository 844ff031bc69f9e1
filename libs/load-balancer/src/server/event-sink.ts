import type { Observer } from 'rxjs';
import type { ServedMessage } from './served-message.js';

/** Follows what the handler of an event returned until its end. What it emits or throws is nobody's, as in plain Nest. */
export class EventSink implements Observer<unknown> {
  constructor(private readonly message: ServedMessage) {}

  next(): void {
    // An event has no answer.
  }

  error(): void {
    this.message.end();
  }

  complete(): void {
    this.message.end();
  }
}
