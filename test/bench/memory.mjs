/**
 * `npm run bench:memory`: what a call in flight and an idle connection hold, and whether the heap grows under traffic.
 */
import { bold, dim } from '../../scripts/lib/terminal.mjs';
import { ensureBuilt } from './lib/build.mjs';
import { integer, readFlags, someOf } from './lib/flags.mjs';
import { describeMachine } from './lib/machine.mjs';
import { runMain } from './lib/main.mjs';
import { textTable } from './lib/table.mjs';
import { measureHeld } from './memory/held.mjs';
import { soak } from './memory/soak.mjs';

const PARTS = ['calls', 'connections', 'soak'];
const ALL = { calls: 10_000, connections: 1_000, rounds: 3, soak: 60 };
const QUICK = { ...ALL, rounds: 1, soak: 10 };

const HELP = `Usage: npm run bench:memory -- [flags]

Bytes held for each of ${ALL.calls} calls in flight and ${ALL.connections} idle connections, of ours and of ClientTCP; then a soak: mixed traffic
(values, streams, errors, timeouts, cancelled calls, events) while nodes crash and come back. Status 1 when the heap grows.

  --only a,b      some of: ${PARTS.join(', ')}
  --soak 600      seconds of the soak (${ALL.soak} by default)
  --quick         within a minute: ${QUICK.rounds} round, a soak of ${QUICK.soak} s
  --no-build      measure what is in dist, however old
  --help          this text

The idle connections go to as many addresses 127.1.x.y, which Linux has without being told to.`;

async function main() {
  const flags = readFlags(process.argv.slice(2), {
    only: someOf(PARTS, 'part'),
    soak: integer(5, 86_400),
    quick: 'switch',
    'no-build': 'switch',
    help: 'switch',
  });
  if (flags.help) return console.log(HELP);
  if (!flags['no-build']) await ensureBuilt();
  const plan = flags.quick ? QUICK : ALL;
  const parts = flags.only ?? PARTS;
  for (const [what, value] of Object.entries(describeMachine())) console.log(` ${dim(what)}: ${value}`);

  const calls = parts.includes('calls') ? plan.calls : 0;
  const connections = parts.includes('connections') ? plan.connections : 0;
  if (calls + connections > 0) {
    console.log(dim('\n measuring what calls and connections hold'));
    const table = await measureHeld({ ...plan, calls, connections });
    console.log(`\n${textTable({ ...table, title: bold(table.title) })}`);
  }
  if (parts.includes('soak')) {
    const seconds = flags.soak ?? plan.soak;
    console.log(`\n ${bold(`A soak of ${seconds} s`)}`);
    const { grows, lines } = await soak(seconds);
    console.log(`\n${lines.map((line) => ` ${line}`.trimEnd()).join('\n')}`);
    process.exitCode = grows ? 1 : 0;
  }
}

runMain(main);
