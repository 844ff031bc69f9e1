/**
 * `node scripts/record-tour.mjs`: takes the tour and makes the README's picture of it, `docs/tour.svg`. Every figure in it is one
 * that was measured.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ansiToSvg } from './lib/ansi-to-svg.mjs';
import { runNode } from './lib/command.mjs';
import { explain } from './lib/explain.mjs';
import { root } from './lib/workspace.mjs';

async function main() {
  const env = { ...process.env, FORCE_COLOR: '1' };
  const output = await runNode([join(root, 'scripts/start.mjs'), '--once'], { cwd: root, env });
  mkdirSync(join(root, 'docs'), { recursive: true });
  const picture = ansiToSvg(
    asOnScreen(output),
    'npm start: calls spread over three nodes, one is killed and comes back',
  );
  writeFileSync(join(root, 'docs/tour.svg'), picture);
}

/** A terminal does not keep the announcements that the plain output has: there, each turns into its result. */
function asOnScreen(output) {
  const lines = output.split('\n').filter((line) => !line.startsWith(' … ') && !line.startsWith(' Port '));
  return `$ npm start\n${lines.join('\n').trimEnd()}`;
}

main().catch((error) => {
  console.error(explain(error));
  process.exit(1);
});
