import { svgChart } from './chart.mjs';
import { barText, cells, COLUMNS, escape, figure } from './format.mjs';

const STYLE = `
:root { color-scheme: light dark; --text: #24292f; --quiet: #57606a; --ground: #ffffff; --raised: #f6f8fa; --line: #d8dee4;
  --good: #116329; --bad: #b42318; --link: #0550ae }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --quiet: #9198a1; --ground: #0d1117; --raised: #151b23; --line: #30363d; --good: #56d364; --bad: #ff7b72;
    --link: #79c0ff } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem } h2 { font-size: 1.3rem; margin: 3rem 0 .25rem }
p { margin: .25rem 0 1rem; max-width: 46rem } .quiet { color: var(--quiet) }
a { color: var(--link) } nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1.1rem }
figure { margin: 1rem 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden } figure svg { display: block; width: 100%; height: auto }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .925rem }
caption { text-align: left; color: var(--quiet); padding: .25rem 0 .5rem }
th, td { padding: .4rem .75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
thead th { background: var(--raised); font-weight: 600 } th:first-child, .bar { text-align: left } tbody th { font-weight: 500 }
.good { color: var(--good) } .bad { color: var(--bad); font-weight: 600 }
details { margin: .75rem 0 } summary { cursor: pointer } pre { background: var(--raised); border: 1px solid var(--line);
  border-radius: 8px; padding: .75rem 1rem; overflow-x: auto; font-size: .85rem; line-height: 1.45 }
`;

/**
 * All that was compared, in one page that needs nothing else.
 *
 * @param {readonly { name: string, scenario: object, summaries: object[] }[]} comparisons
 * @param {{ command: string, seeds: readonly number[], machine: string }} run
 */
export function htmlPage(comparisons, { command, seeds, machine }) {
  const titles = comparisons.map(({ scenario }) => scenario.title);
  const links = comparisons.map(
    ({ name, scenario }) => `<li><a href="#${name}">${escape(scenario.title)}</a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(titles.length === 1 ? titles[0] : 'Strategies in simulation')}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Strategies in simulation</h1>
<p>How long callers wait, by the strategy that chooses the node. The servers, the network and the clock are simulated; what chooses,
probes, ejects, retries and hedges is the library’s own code.</p>
<p class="quiet"><code>${escape(command)}</code><br>Medians of the seeds ${seeds.join(', ')}. ${escape(machine)}</p>
${links.length > 1 ? `<nav aria-label="Scenarios"><ul>${links.join('')}</ul></nav>` : ''}
${comparisons.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function section({ name, scenario, summaries }) {
  const judged = summaries.some(({ bars }) => bars.length > 0);
  const heads = COLUMNS.map((column) => `<th scope="col">${column}</th>`);
  if (judged) heads.push('<th scope="col" class="bar">bar</th>');
  const rows = summaries.map((summary) => {
    const [strategy, ...rest] = cells(summary).map(escape);
    const bar = judged ? `<td class="bar">${summary.bars.map(barCell).join('<br>')}</td>` : '';
    return `<tr><th scope="row">${strategy}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}${bar}</tr>`;
  });
  const { title, summary } = scenario;
  return `<section id="${name}" aria-labelledby="${name}-title">
<h2 id="${name}-title">${escape(title)}</h2>
<p>${escape(summary ?? '')}</p>
<figure>${svgChart(scenario, summaries)}</figure>
<div class="scroll" tabindex="0" role="region" aria-label="Figures of ${escape(title)}"><table>
<caption>How long callers waited, in milliseconds, whether or not they were answered; ${summaries[0].calls.toLocaleString('en')} calls a run.</caption>
<thead><tr>${heads.join('')}</tr></thead>
<tbody>${rows.join('')}</tbody>
</table></div>
<details><summary>What is simulated</summary><pre>${escape(JSON.stringify(scenario, undefined, 2))}</pre></details>
</section>`;
}

function barCell(bar) {
  const mark = bar.holds ? '<span class="good">✔' : '<span class="bad">✘';
  return `${mark} ${escape(barText(bar))}</span>${bar.holds ? '' : ` (${escape(figure(bar.figure, bar.value))})`}`;
}
