import { interactive } from './terminal.mjs';

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** Puts the cursor back, however the process ends. */
process.on('exit', () => interactive && process.stdout.write(SHOW_CURSOR));

/**
 * Shows lines that change while something is under way: redrawn in place on a screen. Elsewhere only `announcement` is
 * printed, once, and the final lines.
 *
 * @param {(frame: string) => string[]} draw the lines of now; `frame` is a turning spinner
 * @param {string} announcement what is printed at the start where nothing can be redrawn
 * @returns {(lines: string[]) => void} to be called once, with what stays
 */
export function live(draw, announcement) {
  if (!interactive) {
    if (announcement) console.log(announcement);
    return (lines) => lines.forEach((line) => console.log(line));
  }
  let drawn = 0;
  let tick = 0;
  const show = (lines) => {
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    process.stdout.write(`${up}\u001b[J${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const redraw = () => show(draw(FRAMES[tick++ % FRAMES.length]));
  process.stdout.write(HIDE_CURSOR);
  redraw();
  const timer = setInterval(redraw, 80);
  return (lines) => {
    clearInterval(timer);
    show(lines);
    process.stdout.write(SHOW_CURSOR);
  };
}
