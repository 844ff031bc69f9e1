/** Colours of the codes that `terminal.mjs` uses, on the dark ground below. */
const COLOURS = { 31: '#ff7b72', 32: '#56d364', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#56d4dd' };
const GROUND = '#0d1117';
const TEXT = '#e6edf3';
const DIM = '#7d8590';

const CHARACTER = 8.4;
const LINE = 19;
const MARGIN = 18;
/** Room for the three dots of a window. */
const TITLE_BAR = 34;

/**
 * A picture of a terminal.
 *
 * @param {string} text with ANSI colours
 * @param {string} title for those who do not see the picture
 * @returns {string} an SVG that needs no fonts or scripts from elsewhere
 */
export function ansiToSvg(text, title) {
  const lines = text.split('\n').map(spansOf);
  const columns = Math.max(...lines.map((spans) => spans.reduce((sum, span) => sum + span.text.length, 0)));
  const width = Math.ceil(columns * CHARACTER + 2 * MARGIN);
  const height = lines.length * LINE + TITLE_BAR + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (colour, i) => `<circle cx="${22 + i * 20}" cy="18" r="6" fill="${colour}"/>`,
    ),
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${TEXT}" xml:space="preserve">`,
    ...lines.flatMap((spans, row) => drawLine(spans, TITLE_BAR + (row + 0.8) * LINE)),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Each span is put in its place by itself: fonts differ in the width of a character, and bars must still line up. */
function drawLine(spans, y) {
  let column = 0;
  return spans.flatMap(({ text, colour, bold }) => {
    const x = MARGIN + column * CHARACTER;
    column += text.length;
    const fill = colour ? ` fill="${colour}"` : '';
    if (/^█+$/.test(text)) return bar(x, y, text.length, fill);
    if (text.trim() === '') return [];
    const weight = bold ? ' font-weight="bold"' : '';
    const length = ` textLength="${(text.length * CHARACTER).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
    return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${fill}${weight}${length}>${escape(text)}</text>`;
  });
}

function bar(x, y, characters, fill) {
  return `<rect x="${x.toFixed(1)}" y="${(y - 12).toFixed(1)}" width="${(characters * CHARACTER).toFixed(1)}" height="13" rx="2"${fill}/>`;
}

/** Cuts a line into pieces of one look. */
function spansOf(line) {
  const spans = [];
  let look = {};
  const [first = '', ...rest] = line.split('\u001b[');
  const add = (piece) => {
    for (const text of piece.split(/( {2,})/)) if (text) spans.push({ text, ...look });
  };
  add(first);
  for (const piece of rest) {
    const [code, text] = piece.split(/m(.*)/s);
    look = change(look, Number(code));
    add(text);
  }
  return spans;
}

function change(look, code) {
  switch (code) {
    case 1:
      return { ...look, bold: true };
    case 2:
      return { ...look, colour: DIM };
    case 22:
      return { ...look, bold: false, colour: look.colour === DIM ? undefined : look.colour };
    case 39:
      return { ...look, colour: undefined };
    default:
      return { ...look, colour: COLOURS[code] };
  }
}

function escape(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
