import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { whyMissing } from './support/requirements.js';

const missing = whyMissing('etcd', 'etcd-server');
const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
/** Milliseconds; it takes 20 s where nothing else runs. */
const PATIENCE = 240_000;

(missing === undefined ? describe : describe.skip)('npm start -- --etcd --once', () => {
  it(
    'shows providers that register themselves in etcd, are killed, redeployed and joined by one more, with no failed call',
    async () => {
      const child = spawn(process.execPath, [START, '--etcd', '--once'], {
        env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      // Its own processes end with it.
      const onExit = (): void => void child.kill('SIGKILL');
      process.once('exit', onExit);
      const timer = setTimeout(() => child.kill('SIGTERM'), PATIENCE - 10_000);
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      const [status] = (await once(child, 'close')) as [number | null];
      clearTimeout(timer);
      process.off('exit', onExit);
      // What did not hold is marked in its output.
      expect(`${output}\nstatus ${status}`).toMatch(/ calls, none failed\n All \d+ held\.\n[^]*\nstatus 0$/);
    },
    PATIENCE,
  );
});
