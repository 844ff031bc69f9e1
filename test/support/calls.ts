import type { Observable } from 'rxjs';

/** Calls `call` `count` times with never more than `atOnce` unanswered, and gives all results in order. */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  call: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await call(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/** How often each value is there. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** Everything that a subscriber was told, in order. */
export interface Told {
  readonly values: unknown[];
  readonly errors: unknown[];
  completions: number;
}

/**
 * Everything that an Observable says, once it has ended. What rxjs drops because it comes after the end cannot be seen here; that a
 * call is settled twice shows in the numbers of its node, which would count its end twice.
 */
export function record(source: Observable<unknown>): Promise<Told> {
  return new Promise((resolve) => {
    const told: Told = { values: [], errors: [], completions: 0 };
    const ended = (): void => void setImmediate(() => resolve(told));
    source.subscribe({
      next: (value) => told.values.push(value),
      error: (error: unknown) => {
        told.errors.push(error);
        ended();
      },
      complete: () => {
        told.completions++;
        ended();
      },
    });
  });
}

/** The error that an Observable ends with. */
export async function failure(source: Observable<unknown>): Promise<unknown> {
  const { errors, values } = await record(source);
  if (errors.length === 0) throw new Error(`expected an error, got ${JSON.stringify(values)}`);
  return errors[0];
}

/** Lets whatever I/O is pending be handled: two turns, since what the first brings may be handled in the second. */
export async function loopTurned(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
