/**
 * `npm test`: installs what is missing, then checks the format, lints, compiles, looks for what is unused, and runs every test.
 * A step that fails does not keep the next from running; the summary at the end is about all of them.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArguments, unknown, UsageError } from './lib/arguments.mjs';
import { runNode } from './lib/command.mjs';
import { explain } from './lib/explain.mjs';
import { endOnSignals, isEnding } from './lib/signals.mjs';
import { tasks } from './lib/task.mjs';
import { bold, cross, dim, duration, green, pad, red, tick } from './lib/terminal.mjs';
import { addCounts, countsOf, failedCounts, NO_COUNTS } from './lib/test-counts.mjs';
import { build, checkNode, install, root } from './lib/workspace.mjs';

const reports = mkdtempSync(join(tmpdir(), 'load-balancer-test-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));
endOnSignals();

let building;
/** However many steps need it. */
const built = () => (building ??= build());

/** In order; those that are not `visible` run side by side and show what they print only when they fail. */
const STEPS = {
  format: { what: 'format (prettier)', run: () => quiet('prettier/bin/prettier.cjs', '--check', '.') },
  types: {
    what: 'types (tsc)',
    run: async () => {
      await built();
      // What is built leaves out the specs; these projects have them in.
      for (const project of ['libs/load-balancer', 'apps/provider', 'apps/consumer', 'test'])
        await quiet('typescript/bin/tsc', '-p', project);
    },
  },
  lint: { what: 'lint (eslint)', run: lint },
  knip: { what: 'unused code (knip)', run: () => quiet('knip/bin/knip.js') },
  unit: { what: 'unit tests (jest)', visible: true, run: () => jest('unit', '--maxWorkers=100%') },
  e2e: { what: 'end-to-end tests (jest)', visible: true, run: endToEnd },
  registries: { what: 'real registries (jest)', visible: true, run: registries },
  faults: { what: 'faults under load (jest)', visible: true, run: faults },
};

const HELP = `Usage: npm test [-- step...]

Runs every step, or only those named: ${Object.keys(STEPS).join(', ')}.`;

async function main() {
  const { flags, words } = parseArguments(process.argv.slice(2), { help: 'switch' });
  if (flags.help) return console.log(HELP);
  const wrong = words.find((word) => !Object.hasOwn(STEPS, word));
  if (wrong !== undefined) throw new UsageError(unknown(wrong, Object.keys(STEPS), 'step'));
  checkNode();
  await install();

  const chosen = Object.keys(STEPS).filter((name) => words.length === 0 || words.includes(name));
  const steps = chosen.map((name) => STEPS[name]);
  const results = await runQuietly(steps.filter(({ visible }) => !visible));
  for (const step of steps.filter(({ visible }) => visible)) results.push(await runStep(step));
  summarize(results);
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
}

async function runQuietly(steps) {
  if (steps.length === 0) return [];
  const outcomes = await tasks(
    steps.map(({ what, run }) => ({ label: what, work: run })),
    availableParallelism(),
  );
  return outcomes.map(({ error, time }, index) => {
    const { what } = steps[index];
    if (error === undefined) return { what, ok: true, counts: NO_COUNTS, time };
    console.log(`\n ${cross} ${bold(what)}\n${explain(error)}`);
    return { what, ok: false, counts: failedCounts(undefined), time };
  });
}

async function runStep({ what, run }) {
  const start = performance.now();
  console.log(`\n ${bold(what)}`);
  try {
    const counts = await run();
    return { what, ok: true, counts: counts ?? NO_COUNTS, time: performance.now() - start };
  } catch (error) {
    console.log(explain(error));
    return { what, ok: false, counts: failedCounts(error.counts), time: performance.now() - start };
  }
}

async function quiet(tool, ...args) {
  await runNode([join(root, 'node_modules', tool), ...args], { cwd: root });
}

/** Its typed rules read the library's declarations where the apps and the tests import it by its name. */
async function lint() {
  await built();
  await quiet('eslint/bin/eslint.js', '.');
}

/** The apps run as they are built, and the providers of Nest 11 as they are installed. */
async function endToEnd() {
  const nest11 = join(root, 'test/nest11');
  if (existsSync(join(nest11, 'package.json')))
    await install(nest11, 'installing Nest 11 for the tests (npm ci)');
  await built();
  return jest('e2e', '--maxWorkers=2');
}

/** They wait more than they work. */
async function registries() {
  await built();
  return jest('registries', '--maxWorkers=3');
}

/** One after the other: each needs the machine for itself. */
async function faults() {
  await built();
  return jest('faults', '--runInBand');
}

/** Runs one of Jest's projects with its output as it comes, and counts from its report. */
async function jest(project, ...options) {
  const report = join(reports, `${project}.json`);
  const counts = () => countsOf(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined);
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const args = [`--selectProjects=${project}`, '--json', `--outputFile=${report}`, ...options];
  try {
    await runNode([...flags, join(root, 'node_modules/jest/bin/jest.js'), ...args], {
      cwd: root,
      visible: true,
    });
    return counts();
  } catch (error) {
    throw Object.assign(error, { counts: counts() });
  }
}

function summarize(results) {
  const width = Math.max(...results.map(({ what }) => what.length)) + 2;
  console.log(`\n ${bold('Summary')}`);
  for (const { what, ok, time } of results) {
    console.log(
      ` ${ok ? tick : cross} ${pad(what, width)} ${ok ? green('ok') : red('failed')}${' '.repeat(ok ? 6 : 2)}${dim(duration(time))}`,
    );
  }
  const { passed, failed, skipped } = results.map(({ counts }) => counts).reduce(addCounts);
  // Alone on the last line and without colour: what reads it may be a program.
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
}

main().catch((error) => {
  if (isEnding()) return;
  console.error(red(explain(error)));
  process.exit(1);
});
