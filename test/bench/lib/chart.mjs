import { KINDS } from '../kinds/index.mjs';
import { number } from './format.mjs';

/** Told apart with any kind of colour vision (Okabe and Ito), and on light and dark ground. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7'];
const WIDTH = 860;
const LEFT = 250;
const RIGHT = 60;
const LINE = 15;
const GAP = 9;
const HEADER = 46;
const PANEL_TITLE = 34;
const AXIS = 46;

const STYLE = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 } .value { font-size: 10.5px } .note { fill: #57606a }
  .ground { fill: #ffffff } .grid { stroke: #d8dee4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #9198a1 } .ground { fill: #0d1117 } .grid { stroke: #30363d }
  }`;

/**
 * Median and spread of the client's CPU a call for each kind but the variants of ours: a panel for each payload, a colour for each number
 * of calls in flight. Dots on a logarithmic axis, since the clients are two orders of magnitude apart.
 *
 * @param {import('./results.mjs').Results} results
 * @returns {string} SVG
 */
export function svgChart(results, date) {
  const cells = results.cells();
  const payloads = [...new Set(cells.map(({ payload }) => payload))];
  const loads = [...new Set(cells.map(({ inFlight }) => inFlight))].sort((a, b) => a - b);
  const colour = new Map(loads.map((inFlight, i) => [inFlight, COLOURS[i % COLOURS.length]]));
  const panels = payloads.map((payload) => {
    const panelCells = loads
      .map((inFlight) => ({ payload, inFlight }))
      .filter((cell) => results.kinds(cell, mainKinds()).length > 0);
    return { payload, cells: panelCells, kinds: kindsOf(results, panelCells) };
  });
  const x = scale(panels.flatMap(({ cells: of, kinds }) => pointsOf(results, of, kinds)));
  let top = HEADER;
  const drawn = panels.map((panel) => {
    const { svg, height } = drawPanel(results, panel, x, colour, top);
    top += height;
    return svg;
  });
  const legend = loads.map((inFlight, i) => {
    const at = LEFT + i * 130;
    return `<circle cx="${at}" cy="36" r="4.5" fill="${colour.get(inFlight)}"/><text x="${at + 10}" y="40">${inFlight} in flight</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="CPU of the client process a call, by client">
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${top}"/>
<text class="title" x="16" y="22">CPU of the client process a call, ${date}</text>
${legend.join('\n')}
${drawn.join('\n')}
</svg>
`;
}

function drawPanel(results, { payload, cells, kinds }, x, colour, top) {
  const rowHeight = cells.length * LINE + GAP;
  const first = top + PANEL_TITLE;
  const bottom = first + kinds.length * rowHeight;
  const grid = x.ticks.map(
    (tick) =>
      `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${first - 4}" y2="${bottom}"/>` +
      `<text class="note" x="${x(tick)}" y="${bottom + 15}" text-anchor="middle">${tick}</text>`,
  );
  const rows = kinds.map((kind, row) => {
    const y = first + row * rowHeight;
    const label = `<text x="${LEFT - 12}" y="${y + (cells.length * LINE) / 2 + 4}" text-anchor="end">${escape(KINDS[kind].title)}</text>`;
    const dots = cells.map((cell, line) => {
      const cpu = results.summary(cell, kind, 'clientCpu');
      return cpu ? drawDot(cpu, x, y + line * LINE + LINE / 2, colour.get(cell.inFlight)) : '';
    });
    return label + dots.join('');
  });
  const svg = [
    `<text class="note" x="16" y="${top + 18}">${payload === 'small' ? 'Small payload (100 B)' : '4 KB payload (40 items)'}</text>`,
    ...grid,
    `<text class="note" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 32}" text-anchor="middle">µs a call, logarithmic: median, lowest and highest round</text>`,
    ...rows,
  ];
  return { svg: svg.join('\n'), height: bottom + AXIS - top };
}

function drawDot({ median, min, max }, x, y, colour) {
  return (
    `<line x1="${x(min)}" x2="${x(max)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2"/>` +
    `<circle cx="${x(median)}" cy="${y}" r="4.5" fill="${colour}"/>` +
    `<text class="value" x="${x(max) + 9}" y="${y + 4}">${number(median)}</text>`
  );
}

/** The logarithmic axis over all points, with its ticks at 1, 2 and 5 of each power of ten. */
function scale(points) {
  const steps = [-1, 0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
  const low = steps.findLast((step) => step <= Math.min(...points)) ?? steps[0];
  const high = steps.find((step) => step >= Math.max(...points)) ?? steps.at(-1);
  const width = WIDTH - LEFT - RIGHT;
  const x = (value) => round(LEFT + (width * Math.log(value / low)) / Math.log(high / low));
  x.ticks = steps.filter((step) => step >= low && step <= high);
  return x;
}

function mainKinds() {
  return Object.keys(KINDS).filter((kind) => !KINDS[kind].variant);
}

function kindsOf(results, cells) {
  const measured = new Set(cells.flatMap((cell) => results.kinds(cell, mainKinds())));
  return mainKinds().filter((kind) => measured.has(kind));
}

function pointsOf(results, cells, kinds) {
  return cells.flatMap((cell) => kinds.flatMap((kind) => results.values(cell, kind, 'clientCpu')));
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escape(text) {
  return text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
