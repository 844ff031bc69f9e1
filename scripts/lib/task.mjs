import { live } from './live.mjs';
import { cross, cyan, dim, duration, pad, tick } from './terminal.mjs';

const LABEL_WIDTH = 46;

/**
 * Runs a piece of work and shows how it goes, in one line.
 *
 * @template T
 * @param {string} label what is being done
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function task(label, work) {
  const start = performance.now();
  const line = (symbol) =>
    ` ${symbol} ${pad(label, LABEL_WIDTH)} ${dim(duration(performance.now() - start))}`;
  const finish = live((frame) => [line(cyan(frame))], ` … ${label}`);
  try {
    const result = await work();
    finish([line(tick)]);
    return result;
  } catch (error) {
    finish([line(cross)]);
    throw error;
  }
}
