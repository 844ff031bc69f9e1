import { stripVTControlCharacters } from 'node:util';

const { env, stdout } = process;

/** Something moves on the screen only where somebody watches one. */
export const interactive = stdout.isTTY === true && !env.CI && env.TERM !== 'dumb';

const coloured = env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : interactive && !env.NO_COLOR;

const paint = (open, close) => (text) => (coloured ? `\u001b[${open}m${text}\u001b[${close}m` : `${text}`);

export const bold = paint(1, 22);
export const dim = paint(2, 22);
export const red = paint(31, 39);
export const green = paint(32, 39);
export const yellow = paint(33, 39);
export const blue = paint(34, 39);
export const magenta = paint(35, 39);
export const cyan = paint(36, 39);

export const tick = green('✔');
export const cross = red('✖');

/** 12 345 → `12 345`, with a space that does not break. */
export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, '\u00a0');
}

/** 850 → `850 ms`, 1 234 → `1.2 s`, 83 000 → `1 min 23 s` */
export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(Math.round(ms / 1_000) / 60)} min ${Math.round(ms / 1_000) % 60} s`;
}

/** Fills up with blanks to a width on the screen. */
export function pad(text, width) {
  return text + ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length));
}
