/**
 * `npm run bench`: what a balanced call costs, against what else there is.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bold, dim, duration } from '../../scripts/lib/terminal.mjs';
import { root } from '../../scripts/lib/workspace.mjs';
import { ensureBuilt } from './lib/build.mjs';
import { integer, integers, oneOf, readFlags, someOf, UsageError } from './lib/flags.mjs';
import { cellName, number } from './lib/format.mjs';
import { runMain } from './lib/main.mjs';

const ALL = { loads: [1, 64, 512], payloads: ['small', '4kb'], rounds: 5 };
/** What most changes of the fast path show in. */
const QUICK = {
  kinds: ['stock-array', 'raw', 'ours-stock', 'ours-balanced'],
  loads: [64, 512],
  payloads: ['small'],
  rounds: 4,
  effort: 0.4,
  /** Milliseconds of measuring: with starting and ending, it stays within a minute. */
  budget: 48_000,
};

const HELP = `Usage: npm run bench -- [flags]

Measures the CPU that a call costs the client and the servers, latencies and calls a second, in interleaved rounds of separate
processes. All of it takes about half an hour, and writes docs/benchmarks/<date>.md and .svg; less than all writes nothing.

  --quick            within a minute: ${QUICK.kinds.join(', ')}; c=${QUICK.loads.join(', ')}; small
  --only a,b         these clients; ours-* means all that begin so
  --c 64,512         calls in flight (${ALL.loads.join(', ')} by default)
  --payload small    or 4kb (both by default)
  --rounds n         ${ALL.rounds} by default
  --write            write the files though it is not all
  --profile client   instead: which functions of that client's process take the time (c=64, small, unless told otherwise)
  --servers          with --profile: those of one of the servers' processes
  --no-build         measure what is in dist, however old
  --list             the names of the clients
  --help             this text`;

async function main() {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) return console.log(HELP);
  if (!argv.includes('--no-build')) await ensureBuilt();
  // They load the library, which may not have been there before.
  const { KINDS } = await import('./kinds/index.mjs');
  const names = Object.keys(KINDS);
  const flags = readFlags(argv, {
    quick: 'switch',
    only: someOf(names, 'client'),
    c: integers(1, 10_000),
    payload: oneOf(ALL.payloads, 'payload'),
    rounds: integer(1, 100),
    write: 'switch',
    profile: oneOf(names, 'client'),
    servers: 'switch',
    'no-build': 'switch',
    list: 'switch',
    help: 'switch',
  });
  if (flags.list) return names.forEach((name) => console.log(`${name.padEnd(44)} ${KINDS[name].title}`));
  refuseWithoutEffect(flags);
  if (flags.profile) return profileOf(flags.profile, KINDS[flags.profile].server, flags);
  const { kinds = names, loads, payloads, rounds, effort = 1, budget } = flags.quick ? QUICK : ALL;
  const cells = (flags.payload ? [flags.payload] : payloads).flatMap((payload) =>
    (flags.c ?? loads).map((inFlight) => ({ payload, inFlight })),
  );
  const plan = { kinds: flags.only ?? kinds, cells, rounds: flags.rounds ?? rounds, effort, budget };
  const whole = !flags.quick && !flags.only && !flags.c && !flags.payload;
  await run(
    plan,
    plan.kinds.map((kind) => KINDS[kind].server),
    whole || flags.write === true,
  );
}

/** A flag that would be ignored is a misunderstanding. */
function refuseWithoutEffect(flags) {
  if (flags.servers && !flags.profile) throw new UsageError('--servers: goes with --profile only');
  for (const name of ['quick', 'only', 'rounds', 'write']) {
    if (flags.profile && flags[name] !== undefined)
      throw new UsageError(`--${name}: has no effect with --profile`);
  }
}

/** Measures, and reports on it. */
async function run(plan, servers, writes) {
  const [{ describeMachine }, { Results }, { runRounds }, { barsTable, cellTables }, { textTable }] =
    await Promise.all([
      import('./lib/machine.mjs'),
      import('./lib/results.mjs'),
      import('./lib/rounds.mjs'),
      import('./lib/tables.mjs'),
      import('./lib/table.mjs'),
    ]);
  const machine = describeMachine();
  for (const [what, value] of Object.entries(machine)) console.log(` ${dim(what)}: ${value}`);
  const total = plan.kinds.length * plan.cells.length * plan.rounds;
  console.log(
    ` ${total} measurements: ${plan.kinds.length} clients, ${plan.cells.length} loads, ${plan.rounds} rounds\n`,
  );

  const results = new Results();
  await withFleet(servers, async (fleet) => {
    const begin = performance.now();
    let done = 0;
    for await (const measurement of runRounds(fleet, plan)) {
      results.add(measurement);
      done++;
      const left = ((performance.now() - begin) / done) * (total - done);
      console.log(` ${dim(`${done}/${total}`)} ${line(measurement)} ${dim(`${duration(left)} left`)}`);
    }
    if (done < total) console.log(dim(` ${total - done} are left out, so that it ends in time`));
  });
  for (const table of [...cellTables(results), barsTable(results)]) {
    console.log(`\n${textTable({ ...table, title: bold(table.title) })}`);
  }
  if (writes) await write(results, machine);
}

function line({ round, kind, clientCpu, serverCpu, p50, p99, rate, ...cell }) {
  const figures = [
    `client ${number(clientCpu)} µs`,
    `servers ${number(serverCpu)} µs`,
    `p50 ${number(p50)} ms`,
    `p99 ${number(p99)} ms`,
    `${number(rate)}/s`,
  ];
  return `round ${round}  ${cellName(cell).padEnd(12)}  ${kind.padEnd(28)}  ${figures.join('  ')}`;
}

async function write(results, machine) {
  const [{ markdownReport }, { svgChart }] = await Promise.all([
    import('./lib/markdown.mjs'),
    import('./lib/chart.mjs'),
  ]);
  const date = new Date().toISOString().slice(0, 10);
  const folder = join(root, 'docs/benchmarks');
  const command = [
    'npm run bench',
    ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []),
  ].join(' ');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${date}.svg`), svgChart(results, date));
  writeFileSync(
    join(folder, `${date}.md`),
    markdownReport({ date, command, machine, results, chart: `${date}.svg` }),
  );
  console.log(`\n Written: ${relative(root, folder)}/${date}.md and .svg`);
}

async function profileOf(kind, server, { c: loads = [64], payload = 'small', servers: ofServer = false }) {
  const [{ profile }, { profileTables }, { textTable }] = await Promise.all([
    import('./lib/measure.mjs'),
    import('./lib/profile-tables.mjs'),
    import('./lib/table.mjs'),
  ]);
  await withFleet([server], async (fleet) => {
    for (const inFlight of loads) {
      const cell = { payload, inFlight };
      const profiled = await profile(fleet, kind, cell, ofServer);
      for (const table of profileTables(
        profiled,
        `${kind}, ${ofServer ? 'a server, ' : ''}${cellName(cell)}`,
      )) {
        console.log(`\n${textTable({ ...table, title: bold(table.title) })}`);
      }
      console.log(dim(`\n For Chrome's DevTools: ${profiled.profile.file}`));
    }
  });
}

async function withFleet(servers, use) {
  const { Fleet } = await import('./lib/fleet.mjs');
  const fleet = new Fleet();
  try {
    await fleet.start(servers);
    await use(fleet);
  } finally {
    await fleet.stop();
  }
}

runMain(main);
