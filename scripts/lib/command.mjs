import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { basename } from 'node:path';

/** A command that ended with a status other than 0. */
export class CommandError extends Error {
  /**
   * @param {string} command its file name
   * @param {number} status
   * @param {string} output all that it printed
   */
  constructor(command, status, output) {
    super(`${command} ended with status ${status}`);
    this.status = status;
    this.output = output;
  }
}

/** Commands under way: they end with this process. */
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * Runs a program of Node to its end.
 *
 * @param {readonly string[]} args the script and its arguments
 * @param {{ cwd: string, visible?: boolean, env?: NodeJS.ProcessEnv }} options `visible` lets it write to the terminal itself
 * @returns {Promise<string>} what it printed, unless it was visible
 * @throws {CommandError}
 */
export async function runNode(args, { cwd, visible = false, env = process.env }) {
  const stdio = visible ? 'inherit' : ['ignore', 'pipe', 'pipe'];
  const child = spawn(process.execPath, args, { cwd, env, stdio });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code, signal] = await once(child, 'close');
  running.delete(child);
  const status = code ?? 128 + constants.signals[signal];
  if (status !== 0)
    throw new CommandError(basename(args.find((argument) => !argument.startsWith('-'))), status, output);
  return output;
}
