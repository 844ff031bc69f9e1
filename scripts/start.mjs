/**
 * `npm start`: installs, builds, starts the example as real processes and shows on it what the library does.
 */
import { parseArguments, UsageError } from './lib/arguments.mjs';
import { findEtcd } from './lib/etcd.mjs';
import { explain } from './lib/explain.mjs';
import { freePorts, isFree } from './lib/free-port.mjs';
import { AppEndedError, Processes } from './lib/processes.mjs';
import { endOnSignals, isEnding } from './lib/signals.mjs';
import { task } from './lib/task.mjs';
import { bold, dim, red } from './lib/terminal.mjs';
import { Tour } from './lib/tour.mjs';
import { build, checkNode, install } from './lib/workspace.mjs';

const DEFAULT_PORT = 3_000;
const HELP = `Usage: npm start -- [flags]

Installs what is missing, builds, starts three providers and a gateway, and takes you on a tour of what
happens when one of them dies. Then it stays up until Ctrl-C.

  --port N   the port of the gateway (${DEFAULT_PORT} by default)
  --etcd     the providers register themselves in a real etcd, where the gateway finds them; etcd must be installed, or
             this be run as root on Debian or Ubuntu, where it is fetched
  --once     end after the tour, with status 0 if all that it shows held and 1 if not; so it does without a terminal
  --help     this text`;

/** @type {Processes | undefined} */
let processes;

async function main() {
  const { flags, words } = parseArguments(process.argv.slice(2), {
    port: 'port',
    etcd: 'switch',
    once: 'switch',
    help: 'switch',
  });
  if (flags.help) return console.log(HELP);
  if (words.length > 0) throw new UsageError(`unexpected argument "${words[0]}"; see npm start -- --help`);
  checkNode();
  const gateway = await gatewayPort(flags.port);

  console.log(`\n ${bold('nestjs-load-balancer')} ${dim('· the tour')}\n`);
  await install();
  await task('building', build);
  const etcd = flags.etcd ? await findEtcd() : undefined;

  processes = new Processes();
  const [etcdPort, ...nodes] = await freePorts(5);
  const tour = new Tour(processes, {
    gateway,
    nodes,
    ...(etcd && { etcd: { binary: etcd, port: etcdPort } }),
  });
  const held = await tour.run();
  if (flags.once || !process.stdout.isTTY) {
    await processes.stop();
    if (held) processes.forget();
    else console.log(dim(` Logs: ${processes.logs}`));
    process.exitCode = held ? 0 : 1;
    return;
  }
  console.log(tour.invitation().join('\n'));
  await processes.ended('gateway');
  throw new AppEndedError(`the gateway ended by itself; its last words:\n${processes.lastWords('gateway')}`);
}

/** The port that was asked for, or else the default one, or else any. */
async function gatewayPort(wanted) {
  if (await isFree(wanted ?? DEFAULT_PORT)) return wanted ?? DEFAULT_PORT;
  if (wanted)
    throw new UsageError(`--port: ${wanted} is taken by another process; give another one, or none`);
  const [other] = await freePorts(1);
  console.log(dim(` Port ${DEFAULT_PORT} is taken by another process: the gateway uses ${other} this time.`));
  return other;
}

// Whoever read the output is gone (`npm start | head`): there is nobody left to show anything to.
process.stdout.on('error', () => process.exit(1));

endOnSignals(async () => {
  await processes?.stop();
  processes?.forget();
});

main().catch((error) => {
  if (isEnding()) return;
  console.error(red(explain(error)));
  process.exit(1);
});
