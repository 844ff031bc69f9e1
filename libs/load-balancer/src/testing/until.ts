import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for what a test cannot be told of; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}
