/**
 * `npm run bench:pick`: nanoseconds a pick for every built-in strategy, from 3 to 10 000 nodes.
 */
import { bold, dim } from '../../scripts/lib/terminal.mjs';
import { ensureBuilt } from './lib/build.mjs';
import { Child } from './lib/child.mjs';
import { integers, readFlags, someOf } from './lib/flags.mjs';
import { spread } from './lib/format.mjs';
import { describeMachine } from './lib/machine.mjs';
import { runMain } from './lib/main.mjs';
import { summary } from './lib/stats.mjs';
import { textTable } from './lib/table.mjs';

const SCRIPT = new URL('pick/picking-process.mjs', import.meta.url);
const NODES = [3, 10, 100, 1_000, 10_000];
/** Nanoseconds at the largest number of nodes: a pick must not be what a call costs, nor grow with the nodes. */
const BAR = 300;
const ROUNDS = { rounds: 9, picks: 500_000 };
const QUICK = { rounds: 5, picks: 100_000 };

const HELP = `Usage: npm run bench:pick -- [flags]

Nanoseconds a pick for every built-in strategy, alone, through the cluster (one node in ten being ill), and where half of the
calls spill from their zone to others: the median of
${ROUNDS.rounds} rounds with the lowest and highest. Each strategy has a process of its own. Status 1 when one takes more than ${BAR} ns at
the largest number of nodes.

  --only a,b      these strategies
  --nodes 3,100   with so many nodes (${NODES.join(', ')} by default)
  --quick         fewer rounds
  --no-build      measure what is in dist, however old
  --help          this text`;

async function main() {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) return console.log(HELP);
  if (!argv.includes('--no-build')) await ensureBuilt();
  // It may not have been there before.
  const { STRATEGY_NAMES } = await import('../../libs/load-balancer/dist/strategies/registry.js');
  const flags = readFlags(argv, {
    only: someOf(STRATEGY_NAMES, 'strategy'),
    nodes: integers(1, 100_000),
    quick: 'switch',
    'no-build': 'switch',
    help: 'switch',
  });
  for (const [what, value] of Object.entries(describeMachine())) console.log(` ${dim(what)}: ${value}`);

  const counts = flags.nodes ?? NODES;
  const results = [];
  for (const strategy of flags.only ?? STRATEGY_NAMES) {
    console.log(dim(` measuring ${strategy}`));
    results.push({ strategy, ...(await measure(strategy, counts, flags.quick ? QUICK : ROUNDS)) });
  }
  report('Through the cluster, ns a pick', 'cluster', counts, results);
  report('Where calls spill from their zone, ns a pick', 'spilling', counts, results);
  report('The strategy alone, ns a pick', 'alone', counts, results);
  judge(Math.max(...counts), counts, results);
}

/** For each number of nodes, in order. */
async function measure(strategy, counts, effort) {
  const child = new Child(SCRIPT, { strategy });
  const results = { alone: [], cluster: [], spilling: [] };
  try {
    for (const nodes of counts) {
      const { alone, cluster, spilling } = await child.call('measure', nodes, effort);
      results.alone.push(summary(alone));
      results.cluster.push(summary(cluster));
      results.spilling.push(summary(spilling));
    }
  } finally {
    await child.stop();
  }
  return results;
}

function report(title, which, counts, results) {
  const columns = ['strategy', ...counts.map((nodes) => `${nodes} nodes`)];
  const rows = results.map((result) => [result.strategy, ...result[which].map((each) => spread(each))]);
  console.log(`\n${textTable({ title: bold(title), columns, rows })}`);
}

function judge(most, counts, results) {
  const at = counts.indexOf(most);
  const slow = results.filter(({ cluster, spilling }) => {
    return Math.max(cluster[at].median, spilling[at].median) > BAR;
  });
  console.log(
    `\n ${bold(`At most ${BAR} ns a pick with ${most} nodes, through the cluster, and where calls spill`)}`,
  );
  for (const result of results) {
    console.log(
      ` ${result.strategy}: ${slow.includes(result) ? 'no' : 'yes'}, ${spread(result.cluster[at])} and ${spread(result.spilling[at])} ns`,
    );
  }
  process.exitCode = slow.length > 0 ? 1 : 0;
}

runMain(main);
