import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary } from './requirements.js';

/** The last release of Debian that has Consul. */
const SUITE = 'bullseye';
/** Milliseconds for each of the commands that fetch it: 25 MB. */
const PATIENCE = 180_000;
/** Where it is kept; it is as much at home there as what npm installs. */
const KEPT = fileURLToPath(
  new URL('../../../node_modules/.cache/nestjs-load-balancer/consul', import.meta.url),
);
const UNPACKED = join(KEPT, 'usr/bin/consul');

/** Where Consul's program is, once {@link whyNoConsul} has said that nothing is missing. */
export function consulBinary(): string {
  const binary = findBinary('consul') ?? (existsSync(UNPACKED) ? UNPACKED : undefined);
  if (binary === undefined) throw new Error('Consul is not there: ask whyNoConsul() first');
  return binary;
}

/**
 * Why there is no Consul for the tests; `undefined` when there is one. Where it is not installed, the package of Debian 11 is
 * unpacked into a directory of ours: nothing is installed, so that nobody needs to be root.
 *
 * @throws in CI, when it cannot be had
 */
export function whyNoConsul(): string | undefined {
  if (findBinary('consul') !== undefined || existsSync(UNPACKED)) return undefined;
  let reason: string;
  try {
    fetchPackage();
    return undefined;
  } catch (error) {
    reason = `Consul is not installed, and the package of Debian ${SUITE} cannot be had: ${firstLine(error)}`;
  }
  if (process.env.CI === 'true') throw new Error(`the tests need what is missing: ${reason}`);
  console.warn(`skipped: ${reason}`);
  return reason;
}

/** Downloads the package with a directory of apt's own, which leaves that of the machine alone, and unpacks it. */
function fetchPackage(): void {
  mkdirSync(dirname(KEPT), { recursive: true });
  // Beside where it is to be, so that it can be moved there in one step: another worker of Jest may be doing the same.
  const directory = mkdtempSync(`${KEPT}-`);
  try {
    for (const name of ['lists/partial', 'cache/archives/partial', 'unpacked'])
      mkdirSync(join(directory, name), { recursive: true });
    writeFileSync(join(directory, 'status'), '');
    // Old releases are no longer signed anew, least of all in an archive of snapshots.
    writeFileSync(join(directory, 'sources.list'), `deb [check-valid-until=no] ${mirror()} ${SUITE} main\n`);
    const options = [
      `Dir::Etc::sourcelist=${join(directory, 'sources.list')}`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::lists=${join(directory, 'lists')}`,
      `Dir::State::status=${join(directory, 'status')}`,
      `Dir::Cache=${join(directory, 'cache')}`,
      'Acquire::Languages=none',
    ].flatMap((option) => ['-o', option]);
    run('apt-get', [...options, 'update'], directory);
    run('apt-get', [...options, 'download', 'consul'], directory);
    const deb = readdirSync(directory).find((name) => name.endsWith('.deb'));
    if (deb === undefined) throw new Error('apt-get has downloaded nothing');
    run('dpkg', ['-x', deb, 'unpacked'], directory);
    moveTo(KEPT, join(directory, 'unpacked'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The mirror that this machine takes its own Debian from. */
function mirror(): string {
  const lines = run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const found = lines
    .split('\n')
    .map((line) => line.split(' '))
    .find(([uri = '', component]) => component === 'main' && /\/debian\/(?:\d{8}T\d{6}Z\/)?$/.test(uri));
  if (found?.[0] === undefined) throw new Error('no mirror of Debian is among the sources of apt');
  return found[0];
}

function moveTo(path: string, from: string): void {
  try {
    renameSync(from, path);
  } catch (error) {
    // The other worker was faster.
    if (!existsSync(UNPACKED)) throw error;
  }
}

function run(command: string, args: readonly string[], cwd?: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe', timeout: PATIENCE });
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n')[0] ?? '';
}
