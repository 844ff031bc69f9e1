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

/**
 * Runs several pieces of work side by side, as many at once as there are `lanes`, and shows a line for each. One that fails does
 * not keep the others from running.
 *
 * @param {{ label: string, work: () => Promise<unknown> }[]} works
 * @param {number} lanes
 * @returns {Promise<{ error?: unknown, time: number }[]>} of each, in their order; `error` where it failed
 */
export async function tasks(works, lanes) {
  const states = works.map(({ label, work }) => ({
    label,
    work,
    symbol: undefined,
    start: 0,
    time: 0,
    error: undefined,
  }));
  const line = ({ label, symbol, start, time }, frame) => {
    if (start === 0) return ` ${dim('·')} ${dim(label)}`;
    return ` ${symbol ?? cyan(frame)} ${pad(label, LABEL_WIDTH)} ${dim(duration(time || performance.now() - start))}`;
  };
  const draw = (frame) => states.map((state) => line(state, frame));
  const finish = live(draw, ` … ${works.map(({ label }) => label).join(', ')}`);
  const waiting = [...states];
  const lane = async () => {
    for (let state = waiting.shift(); state; state = waiting.shift()) {
      state.start = performance.now();
      try {
        await state.work();
        state.symbol = tick;
      } catch (error) {
        state.error = error;
        state.symbol = cross;
      }
      state.time = performance.now() - state.start;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  finish(draw(''));
  return states.map(({ error, time }) => ({ error, time }));
}
