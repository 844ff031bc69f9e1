/**
 * `npm run simulate`: how strategies fare when nodes are slow, hang, crash or are deployed, in virtual time.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { parseArguments, unknown, UsageError } from './lib/arguments.mjs';
import { explain } from './lib/explain.mjs';
import { live } from './lib/live.mjs';
import { summarize } from './lib/simulation/comparison.mjs';
import { runAll } from './lib/simulation/run-all.mjs';
import { svgChart } from './lib/simulation/chart.mjs';
import { barText, cells, COLUMNS, figure } from './lib/simulation/format.mjs';
import { markdownReport } from './lib/simulation/markdown.mjs';
import { htmlPage } from './lib/simulation/page.mjs';
import { endOnSignals, isEnding } from './lib/signals.mjs';
import { task } from './lib/task.mjs';
import { bold, cross, cyan, dim, duration, green, pad, red, tick, yellow } from './lib/terminal.mjs';
import { build, checkNode, install } from './lib/workspace.mjs';

/** None of them was used while the strategies were tuned. */
const SEEDS = [201, 202, 203];

const HELP = `Usage: npm run simulate -- [flags]

Compares strategies on a simulated cluster: the library's own code over simulated servers, network and clock. Exits with status 1 when a
bar of the scenario is missed.

  --scenario a,b      these scenarios; slow-node by default, all of them but "large": all
  --file s.yaml       a scenario of one's own; see docs/simulator.md
  --strategies a,b    instead of the scenario's; "least-loaded+hedge" is least-loaded with hedging
  --seeds 1,2,3       medians over these are shown; ${SEEDS.join(',')} by default
  --out folder        write <scenario>.svg, index.html and <date>.md there
  --list              the scenarios
  --help              this text`;

const list = (what, each = (text) => text || undefined) => ({
  expected: `${what} with commas between them`,
  read: (text) => {
    const items = text.split(',').map((item) => each(item.trim()));
    return items.includes(undefined) ? undefined : items;
  },
});
const seed = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
const path = (expected) => ({ expected, read: (text) => text || undefined });

const FLAGS = {
  scenario: list('names of scenarios'),
  file: path('the path of a YAML file'),
  strategies: list('names of strategies'),
  seeds: list('whole numbers', seed),
  out: path('a folder'),
  list: 'switch',
  help: 'switch',
};

async function main() {
  const { flags, words } = parseArguments(process.argv.slice(2), FLAGS);
  if (flags.help) return console.log(HELP);
  if (words.length > 0) throw new UsageError(`unexpected argument "${words[0]}"; see --help`);
  checkNode();
  await install();
  await task('building', build);
  // It loads the library, which may not have been there before.
  const { parseScenario, scenarios, strategiesOf, strategyProblem } =
    await import('./lib/simulation/library.mjs');
  if (flags.list) {
    for (const [name, { title }] of Object.entries(scenarios)) console.log(` ${pad(name, 14)} ${title}`);
    return;
  }
  const chosen = flags.file
    ? [readScenario(flags, parseScenario)]
    : chooseScenarios(flags.scenario, scenarios);
  const { seeds = SEEDS } = flags;
  const compared = chosen.map(({ name, scenario }) => ({
    name,
    scenario: withTimes(scenario),
    strategies: flags.strategies ?? strategiesOf(scenario),
  }));
  if (flags.strategies) refuseStrategies(compared, strategyProblem);
  const { comparisons, took } = await compare(compared, seeds);
  comparisons.forEach(print);
  if (flags.out !== undefined) write(comparisons, { seeds, took }, resolve(flags.out));
  const missed = comparisons.flatMap(({ summaries }) =>
    summaries.flatMap(({ bars }) => bars.filter((bar) => !bar.holds)),
  );
  process.exitCode = missed.length > 0 ? 1 : 0;
}

/** Runs everything, and shows how far it is. */
async function compare(compared, seeds) {
  const jobs = compared.flatMap(({ name, scenario, strategies }) =>
    strategies.flatMap((strategy) => seeds.map((each) => ({ name, scenario, strategy, seed: each }))),
  );
  const begin = performance.now();
  let running = new Map();
  let done = 0;
  const text = `${plural(jobs.length, 'simulation')} (${compared.map(({ name }) => name).join(', ')}; ${plural(seeds.length, 'seed')})`;
  const draw = (frame) => [
    ` ${cyan(frame)} ${text}: ${done} done ${dim(duration(performance.now() - begin))}`,
    ...[...running].map(
      ([{ name, strategy, seed: each }, share]) =>
        `     ${pad(`${name} ${strategy} ${each}`, 44)} ${dim(`${Math.round(share * 100)} %`)}`,
    ),
  ];
  const finish = live(draw, ` … ${text}`);
  let outcomes;
  try {
    outcomes = await runAll(jobs, (nowRunning, nowDone) => {
      running = nowRunning;
      done = nowDone;
    });
  } catch (error) {
    finish([` ${cross} ${text}`]);
    throw error;
  }
  const took = `${duration(performance.now() - begin)}, ${cpuTime()} of CPU`;
  finish([` ${tick} ${text} ${dim(took)}`]);
  const comparisons = compared.map(({ name, scenario, strategies }) => ({
    name,
    scenario,
    summaries: strategies.map((strategy) =>
      summarize(
        strategy,
        outcomes.filter(({ job }) => job.scenario === scenario && job.strategy === strategy),
        scenario.bars?.[strategy],
      ),
    ),
  }));
  return { comparisons, took: `${plural(jobs.length, 'simulation')} in ${took}` };
}

function plural(number, what) {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** What all threads have used. */
function cpuTime() {
  const { user, system } = process.cpuUsage();
  return duration((user + system) / 1_000);
}

function chooseScenarios(names = ['slow-node'], scenarios) {
  const known = Object.keys(scenarios);
  const wanted = names.flatMap((name) =>
    name === 'all' ? known.filter((each) => each !== 'large') : [name],
  );
  return [...new Set(wanted)].map((name) => {
    if (!Object.hasOwn(scenarios, name)) throw new UsageError(unknown(name, known, 'scenario'));
    return { name, scenario: scenarios[name] };
  });
}

function readScenario({ file, scenario }, parseScenario) {
  if (scenario) throw new UsageError('--scenario: has no effect with --file');
  try {
    return {
      name: basename(file).replace(/\.ya?ml$/, ''),
      scenario: parseScenario(parse(readFileSync(file, 'utf8'))),
    };
  } catch (error) {
    const ofFile = error instanceof YAMLParseError || error.code === 'INVALID_OPTIONS' || error.syscall;
    if (ofFile) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }
}

/** The defaults, which pictures need to know. */
function withTimes(scenario) {
  const { duration: whole = 60_000, warmUp = whole / 6 } = scenario;
  return { ...scenario, duration: whole, warmUp };
}

/** Before hours are spent on those that can be simulated. Those of a scenario itself have been checked with it. */
function refuseStrategies(compared, strategyProblem) {
  const problems = new Map();
  for (const { name, scenario, strategies } of compared)
    for (const strategy of strategies) {
      const problem = strategyProblem(scenario, strategy);
      if (problem) problems.set(problem, [...(problems.get(problem) ?? []), name]);
    }
  if (problems.size === 0) return;
  const of = (names) => (names.length < compared.length ? ` (${names.join(', ')})` : '');
  const lines = [...problems].map(([problem, names]) => `--strategies: ${problem}${of(names)}`);
  throw new UsageError(lines.join('\n'));
}

function print({ scenario, summaries }) {
  const judged = summaries.some(({ bars }) => bars.length > 0);
  const rows = [COLUMNS, ...summaries.map(cells)];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const align = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  const marks = ({ bars }) =>
    bars
      .map(
        (bar) =>
          `${bar.holds ? green('✔') : red('✘')} ${barText(bar)}${bar.holds ? '' : red(` (${figure(bar.figure, bar.value)})`)}`,
      )
      .join('  ');
  console.log(`\n ${bold(scenario.title)}`);
  if (scenario.summary) console.log(` ${dim(scenario.summary)}`);
  console.log(` ${dim(align(COLUMNS))}${judged ? dim('  bar') : ''}`);
  for (const summary of summaries) console.log(` ${align(cells(summary))}  ${marks(summary)}`.trimEnd());
  console.log(dim(' in milliseconds; those of failed calls count, too'));
  const unchecked = Object.keys(scenario.bars ?? {}).filter((name) =>
    summaries.every(({ strategy }) => strategy !== name),
  );
  if (unchecked.length > 0)
    console.log(yellow(` bars not checked, since --strategies leaves them out: ${unchecked.join(', ')}`));
  for (const warning of new Set(summaries.flatMap(({ warnings }) => warnings)))
    console.log(yellow(` ${warning}`));
}

function write(comparisons, { seeds, took }, folder) {
  mkdirSync(folder, { recursive: true });
  for (const { name, scenario, summaries } of comparisons)
    writeFileSync(join(folder, `${name}.svg`), svgChart(scenario, summaries));
  const given = process.argv.slice(2);
  const command = ['npm run simulate', ...(given.length > 0 ? ['--', ...given] : [])].join(' ');
  const [cpu] = cpus();
  const machine = `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}.`;
  const run = { date: new Date().toISOString().slice(0, 10), command, seeds, machine, took };
  writeFileSync(join(folder, 'index.html'), htmlPage(comparisons, run));
  writeFileSync(join(folder, `${run.date}.md`), markdownReport(comparisons, run));
  console.log(
    `\n Written: ${relative(process.cwd(), folder) || '.'}/index.html, ${run.date}.md and an SVG for each scenario`,
  );
}

endOnSignals();
main().catch((error) => {
  if (isEnding()) return;
  console.error(red(explain(error)));
  process.exit(1);
});
