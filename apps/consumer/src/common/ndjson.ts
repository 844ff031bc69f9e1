import { Readable } from 'node:stream';
import type { Observable, Subscription } from 'rxjs';

/**
 * The emissions as newline-delimited JSON, each one a line as soon as it is there. Destroying the stream, as a pipeline does
 * when the client goes away, unsubscribes. What a slow client has not read waits here: an Observable cannot be slowed down,
 * and the node and its connection are free for others meanwhile.
 */
export function ndjson(source: Observable<object>): Readable {
  let subscription: Subscription | undefined;
  return new Readable({
    read() {
      subscription ??= source.subscribe({
        next: (value) => this.push(`${JSON.stringify(value)}\n`),
        error: (error: unknown) => this.destroy(error as Error),
        complete: () => this.push(null),
      });
    },
    destroy(error, done) {
      subscription?.unsubscribe();
      done(error);
    },
  });
}
