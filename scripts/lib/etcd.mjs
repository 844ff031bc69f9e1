import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { task } from './task.mjs';
import { MachineError } from './workspace.mjs';

const run = promisify(execFile);

/**
 * Where etcd is. As root on Debian or Ubuntu, it is installed when it is missing.
 *
 * @returns {Promise<string>} its path
 * @throws {MachineError} that says how to get it
 */
export async function findEtcd() {
  const path = which('etcd');
  if (path) return path;
  const aptGet = which('apt-get');
  if (aptGet && process.getuid?.() === 0) {
    await task('installing etcd (apt-get install etcd-server)', () => install(aptGet)).catch(() => undefined);
    const installed = which('etcd');
    if (installed) return installed;
  }
  throw new MachineError(
    '--etcd: "etcd" is not installed. Debian, Ubuntu: apt-get install etcd-server. macOS: brew install etcd. Others: https://etcd.io',
  );
}

async function install(aptGet) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // The lists that there are may do.
  await run(aptGet, ['update'], { env }).catch(() => undefined);
  await run(aptGet, ['install', '-y', '--no-install-recommends', 'etcd-server'], { env });
}

function which(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
