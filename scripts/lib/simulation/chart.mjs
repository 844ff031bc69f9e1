import { escape, ms } from './format.mjs';

/** Told apart with any kind of colour vision (Okabe and Ito) and, by their dashes, without any. */
const LINES = [
  { colour: '#d55e00', dash: '7 3' },
  { colour: '#e69f00', dash: '2 3' },
  { colour: '#cc79a7', dash: '10 3 2 3' },
  { colour: '#0072b2', dash: '' },
  { colour: '#009e73', dash: '14 3' },
  { colour: '#56b4e9', dash: '5 2' },
  { colour: '#8c6d31', dash: '1 2' },
  { colour: '#7f7f7f', dash: '12 4' },
];
const WIDTH = 900;
const LEFT = 62;
const RIGHT = 18;
const PANEL = 170;
const GAP = 46;
const LEGEND_WIDTH = 200;
const LEGEND_LINE = 20;
const PANELS = [
  { figure: 'p50', title: 'p50: half of the calls take longer' },
  { figure: 'p99', title: 'p99: one call in a hundred takes longer' },
  { figure: 'p999', title: 'p99.9: one call in a thousand takes longer' },
];

const STYLE = `
  .chart text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f }
  .chart .title { font-size: 15px; font-weight: 600 } .chart .note { fill: #57606a }
  .chart .ground { fill: #ffffff } .chart .grid { stroke: #d8dee4 } .chart .warm-up { fill: #57606a; opacity: 0.08 }
  .chart .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    .chart text { fill: #e6edf3 } .chart .note { fill: #9198a1 }
    .chart .ground { fill: #0d1117 } .chart .grid { stroke: #30363d } .chart .warm-up { fill: #9198a1; opacity: 0.12 }
  }`;

/**
 * Latency percentiles over time, a line for each strategy, on a logarithmic axis.
 *
 * @param {{ title: string, duration: number, warmUp: number }} scenario
 * @param {readonly ReturnType<import('./comparison.mjs').summarize>[]} summaries
 * @returns {string} SVG
 */
export function svgChart({ title, duration, warmUp }, summaries) {
  const perRow = Math.floor((WIDTH - LEFT - RIGHT) / LEGEND_WIDTH);
  const top = 56 + Math.ceil(summaries.length / perRow) * LEGEND_LINE;
  const height = top + PANELS.length * (PANEL + GAP) - 4;
  const legend = summaries.map(({ strategy }, i) => {
    const x = LEFT + (i % perRow) * LEGEND_WIDTH;
    const y = 44 + Math.floor(i / perRow) * LEGEND_LINE;
    return `${line(i, `M${x} ${y}h26`)}<text x="${x + 33}" y="${y + 4}">${escape(strategy)}</text>`;
  });
  const panels = PANELS.map((panel, i) =>
    drawPanel(panel, { top: top + i * (PANEL + GAP), duration, warmUp }, summaries),
  );
  const said = summaries.map(
    ({ strategy, figures }) => `${strategy}: p50 ${ms(figures.p50)} ms, p99 ${ms(figures.p99)} ms`,
  );
  return `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(`${title}. ${said.join('; ')}`)}">
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${height}"/>
<text class="title" x="16" y="23">${escape(title)}</text>
${legend.join('\n')}
${panels.join('\n')}
</svg>
`;
}

function drawPanel({ figure, title }, { top, duration, warmUp }, summaries) {
  const bottom = top + PANEL;
  const x = (at) => round(LEFT + ((WIDTH - LEFT - RIGHT) * at) / duration);
  const y = scale(
    summaries.flatMap(({ seconds }) => seconds.map((second) => second[figure])),
    top,
    bottom,
  );
  const grid = y.ticks.map(
    (tick) =>
      `<path class="grid" d="M${LEFT} ${y(tick)}H${WIDTH - RIGHT}"/>` +
      `<text class="note" x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${tickText(tick)}</text>`,
  );
  const step = niceStep(duration);
  const times = Array.from({ length: Math.floor(duration / step) + 1 }, (_, i) => i * step);
  const axis = times.map(
    (at) => `<text class="note" x="${x(at)}" y="${bottom + 16}" text-anchor="middle">${at / 1_000} s</text>`,
  );
  const lines = summaries.map(({ strategy, seconds }, i) => {
    const points = seconds
      .filter((second) => Number.isFinite(second[figure]))
      .map((second) => `${x(Math.min(duration, second.at + 500))} ${y(second[figure])}`);
    return points.length === 0 ? '' : line(i, `M${points.join('L')}`, strategy);
  });
  return [
    `<text class="note" x="${LEFT}" y="${top - 10}">${title}</text>`,
    `<rect class="warm-up" x="${LEFT}" y="${top}" width="${round(x(warmUp) - LEFT)}" height="${PANEL}"/>`,
    `<text class="note" x="${LEFT + 6}" y="${top + 14}">warm-up</text>`,
    ...grid,
    ...axis,
    ...lines,
  ].join('\n');
}

function line(i, path, title) {
  const { colour, dash } = LINES[i % LINES.length];
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  const named = title === undefined ? '/>' : `><title>${escape(title)}</title></path>`;
  return `<path class="line" stroke="${colour}"${dashes} d="${path}"${named}`;
}

/** A logarithmic axis over all points, with ticks at 1, 2 and 5 of each power of ten, or at powers alone where these are many. */
function scale(points, top, bottom) {
  const finite = points.filter((point) => Number.isFinite(point) && point > 0);
  const steps = [-1, 0, 1, 2, 3, 4, 5].flatMap((power) => [1, 2, 5].map((each) => each * 10 ** power));
  const low = steps.findLast((tick) => tick <= Math.min(...finite)) ?? steps[0];
  const high = steps.find((tick) => tick >= Math.max(...finite) && tick > low) ?? steps.at(-1);
  const y = (value) => {
    const share = Math.log(Math.max(low, value) / low) / Math.log(high / low);
    return round(bottom - (bottom - top) * share);
  };
  const ticks = steps.filter((tick) => tick >= low && tick <= high);
  y.ticks =
    ticks.length > 8
      ? ticks.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6))
      : ticks;
  return y;
}

function tickText(tick) {
  return tick >= 1_000 ? `${tick / 1_000} s` : `${tick} ms`;
}

/** Milliseconds between two labels: about eight of them. */
function niceStep(duration) {
  const steps = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 300_000, 600_000];
  return steps.find((step) => duration / step <= 8) ?? steps.at(-1);
}

function round(value) {
  return Math.round(value * 10) / 10;
}
