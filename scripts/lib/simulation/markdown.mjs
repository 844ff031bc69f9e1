import { barText, cells, COLUMNS, figure } from './format.mjs';

/**
 * The comparison as it stands in `docs/simulation`.
 *
 * @param {readonly { name: string, scenario: object, summaries: object[] }[]} comparisons
 * @param {{ date: string, command: string, seeds: readonly number[], machine: string, took: string }} run
 */
export function markdownReport(comparisons, { date, command, seeds, machine, took }) {
  return `# Simulation of ${date}

\`${command}\`

- Medians of the seeds ${seeds.join(', ')}.
- Machine: ${machine}
- Time: ${took}
- Milliseconds that callers waited, whether or not they were answered. What is unfinished at the end counts with its age.

${comparisons.map(section).join('\n\n')}
`;
}

function section({ name, scenario, summaries }) {
  const judged = summaries.some(({ bars }) => bars.length > 0);
  const columns = judged ? [...COLUMNS, 'bar'] : COLUMNS;
  const rows = summaries.map((summary) => {
    const [strategy, ...rest] = cells(summary);
    return [`\`${strategy}\``, ...rest, ...(judged ? [summary.bars.map(bar).join(', ')] : [])];
  });
  const rule = columns.map((column) => (column === 'strategy' || column === 'bar' ? '---' : '---:'));
  return [
    `## ${scenario.title}`,
    scenario.summary ?? '',
    [columns, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n'),
    `![${scenario.title}: latency over time](${name}.svg)`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function bar({ holds, ...each }) {
  return holds ? `✔ ${barText(each)}` : `✘ ${barText(each)} (${figure(each.figure, each.value)})`;
}
