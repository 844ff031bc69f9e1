import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNode } from './command.mjs';
import { task } from './task.mjs';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Something about this machine that only its owner can put right. */
export class MachineError extends Error {}

/** Nest 12 and `require()` of ES modules need these versions; `engines` of package.json says the same. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return;
  throw new MachineError(
    `Node ${version} is too old: 20.19 or newer, or 22.12 or newer, is needed (see https://nodejs.org)`,
  );
}

/** Installs exactly what the lock file says, unless that is what is there. */
export async function install(folder = root, label = 'installing the dependencies (npm ci)') {
  if (isInstalled(folder)) return;
  await task(label, () => runNode([npm(), 'ci', '--no-progress'], { cwd: folder }));
}

/** Compiles what has changed since the last time. */
export function build() {
  return runNode([join(root, 'node_modules/typescript/bin/tsc'), '-b'], { cwd: root });
}

/** Does `node_modules` hold each package of the lock file in its version? npm keeps an account of what it has installed. */
function isInstalled(folder) {
  const account = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(account)) return false;
  const wanted = packagesOf(join(folder, 'package-lock.json'));
  const installed = packagesOf(account);
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    // The folder itself and its workspaces are no packages to install; those of other platforms stay away.
    if (!path.includes('node_modules/') || link) return true;
    const found = installed[path];
    return found ? found.version === version : optional === true;
  });
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/** The npm that runs this script, or the one that came with Node. */
function npm() {
  const beside = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  const candidates = [
    process.env.npm_execpath,
    beside,
    join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js'),
  ];
  const found = candidates.find((path) => path !== undefined && path.endsWith('.js') && existsSync(path));
  if (found) return found;
  throw new MachineError('npm was not found: run this with "npm start" or "npm test"');
}
