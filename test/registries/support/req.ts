import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Servers are often where only root's PATH leads. */
const DIRECTORIES = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
];
/** Milliseconds for each run of apt-get. */
const PATIENCE = 180_000;

/** Where a program is; `undefined` when it is not installed. */
export function findBinary(binary: string): string | undefined {
  return DIRECTORIES.filter((directory) => directory !== '')
    .map((directory) => join(directory, binary))
    .find(isExecutable);
}

/**
 * Why a program that tests need is not there; `undefined` when it is. Installs its Debian package when that is what is
 * missing, and the process is root.
 *
 * @throws in CI, when it cannot be had
 */
export function whyMissing(binary: string, debianPackage: string): string | undefined {
  if (findBinary(binary) !== undefined) return undefined;
  const failure = process.getuid?.() === 0 ? install(debianPackage) : 'only root may install it';
  if (findBinary(binary) !== undefined) return undefined;
  const reason = `"${binary}" (Debian package ${debianPackage}) is not installed: ${failure ?? 'the package does not have it'}`;
  if (process.env.CI === 'true') throw new Error(`the tests need what is missing: ${reason}`);
  console.warn(`skipped: ${reason}`);
  return reason;
}

/** Why it cannot be installed. Several workers of Jest may try at once: apt-get waits for its own lock. */
function install(debianPackage: string): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...args: string[]): void =>
    void execFileSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      env,
      stdio: 'pipe',
      timeout: PATIENCE,
    });
  try {
    aptGet('update');
  } catch {
    // Another worker may be at it; and the lists that there are may do.
  }
  try {
    aptGet('install', '-y', '--no-install-recommends', debianPackage);
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
