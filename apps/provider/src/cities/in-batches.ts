import { Observable } from 'rxjs';

/**
 * Emits each of the values, and lets other work go first after every `size` of them: a node that streams 16 000 cities to
 * one caller still answers the others, and its health probes, meanwhile.
 */
export function inBatches<T>(values: readonly T[], size: number): Observable<T> {
  return new Observable((subscriber) => {
    let next = 0;
    let turn: NodeJS.Immediate | undefined;
    const emit = (): void => {
      for (const value of values.slice(next, next + size)) {
        if (subscriber.closed) return;
        subscriber.next(value);
      }
      next += size;
      if (next >= values.length) subscriber.complete();
      else turn = setImmediate(emit);
    };
    emit();
    return () => clearImmediate(turn);
  });
}
