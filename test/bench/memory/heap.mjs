import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapCodeStatistics } from 'node:v8';

/** Milliseconds for writes and replies under way to be done with. */
const SETTLING = 200;

/**
 * Bytes that are really held: the heap and the buffers outside of it, once all that is garbage has been collected. Without code: V8 compiles
 * functions that seldom run for minutes, which is growth, but not a leak.
 */
export async function heldBytes() {
  await sleep(SETTLING);
  // What finalizers let go in the first round is collected in the second.
  globalThis.gc();
  await sleep(0);
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  const { code_and_metadata_size: code, bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics();
  return heapUsed + external - code - bytecode;
}
