/**
 * `npm run bench:tail`: what becomes of the slowest calls when one of four providers is ten times slower, by strategy.
 */
import { bold, dim } from '../../scripts/lib/terminal.mjs';
import { freePorts } from '../../scripts/lib/free-port.mjs';
import { ensureBuilt } from './lib/build.mjs';
import { Child } from './lib/child.mjs';
import { integer, oneOf, readFlags } from './lib/flags.mjs';
import { number, ratio, spread } from './lib/format.mjs';
import { describeMachine } from './lib/machine.mjs';
import { runMain } from './lib/main.mjs';
import { summary } from './lib/stats.mjs';
import { textTable } from './lib/table.mjs';

const PROVIDER = new URL('tail/working-process.mjs', import.meta.url);
const CONSUMER = new URL('tail/calling-process.mjs', import.meta.url);

/** Milliseconds of CPU a call: little, so that three providers do not take two cores, and ten times as much. */
const BURN = 1;
const FACTOR = 10;
const PROVIDERS = 4;
const CALLERS = 64;
const DURATION = 4_000;
/**
 * Milliseconds. Without a pause, 64 calls are in flight always: the quicker they are answered the more are made, until the
 * machine is full. With one of 80 ms they are 800 a second at most, more than round robin can have of a node that does 100,
 * and two fifths of what two cores can do.
 */
const PAUSES = [0, 80];
const BASELINE = 'round-robin';
/** What the p99 of these may be of that of round robin. */
const BAR = 1 / 5;
const BARRED = ['peak-ewma', 'least-loaded'];

const SERVICES = {
  [BASELINE]: { strategy: BASELINE },
  'least-request': { strategy: 'least-request' },
  'peak-ewma': { strategy: 'peak-ewma' },
  'least-loaded': { strategy: 'least-loaded' },
  'least-loaded-and-hedge': { strategy: 'least-loaded', hedge: { delay: 'p95' } },
};

const HELP = `Usage: npm run bench:tail -- [flags]

Latencies of ${CALLERS} callers over ${PROVIDERS} providers, each a process: a call burns ${BURN} ms of CPU, on one of them ${FACTOR * BURN} ms. Strategies take turns in
interleaved rounds, once with ${CALLERS} calls always in flight and once with pauses of ${PAUSES[1]} ms, so that the machine is not full.
Status 1 when the p99 of ${BARRED.join(' or ')} is more than ${BAR} of that of ${BASELINE} (the median of the rounds).

  --server stock   Nest's own TCP server, which reports no load; balanced (ours) by default
  --rounds n       5 by default
  --no-build       measure what is in dist, however old
  --help           this text`;

async function main() {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) return console.log(HELP);
  const flags = readFlags(argv, {
    server: oneOf(['balanced', 'stock'], 'server'),
    rounds: integer(1, 100),
    'no-build': 'switch',
    help: 'switch',
  });
  if (!flags['no-build']) await ensureBuilt();
  const { server = 'balanced', rounds = 5 } = flags;
  for (const [what, value] of Object.entries(describeMachine())) console.log(` ${dim(what)}: ${value}`);
  console.log(` ${dim('providers')}: ${server}`);

  const children = [];
  try {
    const consumer = await startAll(server, children);
    for (const pause of PAUSES) report(pause, await measureAll(consumer, pause, rounds));
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Starts the providers and the consumer; `children` receives them as they come. */
async function startAll(server, children) {
  const ports = await freePorts(PROVIDERS);
  const providers = ports.map(
    (port, i) =>
      new Child(PROVIDER, { server, host: '127.0.0.1', port, burn: i === 0 ? BURN * FACTOR : BURN }),
  );
  children.push(...providers);
  await Promise.all(providers.map((child) => child.call('start')));
  const consumer = new Child(CONSUMER, { services: SERVICES, ports, slow: ports[0] });
  children.push(consumer);
  await consumer.call('start');
  return consumer;
}

/** The results of each strategy, round by round. */
async function measureAll(consumer, pause, rounds) {
  const results = new Map(Object.keys(SERVICES).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, measured] of results) {
      const result = await consumer.call('measure', name, { callers: CALLERS, pause, duration: DURATION });
      measured.push(result);
      console.log(` ${dim(`pause ${pause} ms, round ${round}`)}  ${line(name, result)}`);
    }
  }
  return results;
}

function line(name, { p50, p99, p999, rate, slowShare }) {
  const figures = [p50, p99, p999].map(number).join(' / ');
  return `${name.padEnd(24)} ${figures} ms  ${number(rate)}/s  slow node ${percent(slowShare)}`;
}

function report(pause, results) {
  const of = (name, figure) => summary(results.get(name).map((result) => result[figure]));
  /** Round by round against the baseline of the same round. */
  const against = (name) =>
    summary(results.get(name).map(({ p99 }, round) => p99 / results.get(BASELINE)[round].p99));
  const rows = [...results.keys()].map((name) => [
    name,
    ...['p50', 'p99', 'p999', 'rate'].map((figure) => spread(of(name, figure))),
    spread(of(name, 'slowShare'), percent),
    ratio(against(name)),
  ]);
  const load = pause === 0 ? `${CALLERS} calls in flight` : `${CALLERS} callers, pauses of ${pause} ms`;
  const columns = ['strategy', 'p50 ms', 'p99 ms', 'p99.9 ms', 'calls a second', 'slow node', 'p99 of base'];
  console.log(`\n${textTable({ title: bold(load), columns, rows })}\n`);
  for (const name of BARRED) {
    const { median } = against(name);
    const met = median <= BAR;
    console.log(` p99 of ${name} at most ${BAR} of ${BASELINE}: ${met ? 'yes' : 'no'}, ${number(median)}`);
    if (!met) process.exitCode = 1;
  }
  console.log();
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

runMain(main);
