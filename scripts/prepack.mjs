/**
 * What npm runs before it packs the library (`npm pack -w libs/load-balancer`): builds it from nothing, so that neither an
 * old file nor an empty folder is shipped, and puts the documents of the repository beside it.
 */
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runNode } from './lib/command.mjs';
import { explain } from './lib/explain.mjs';
import { MachineError, root } from './lib/workspace.mjs';

const library = join(root, 'libs/load-balancer');
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'docs'];

async function main() {
  if (!existsSync(compiler))
    throw new MachineError('The library cannot be built: its dependencies are missing (run "npm ci" first)');
  rmSync(join(library, 'dist'), { recursive: true, force: true });
  await runNode([compiler, '-b', '--force', 'tsconfig.build.json'], { cwd: library });
  const missing = exportedFiles().filter((file) => !existsSync(join(library, file)));
  if (missing.length > 0) throw new Error(`The build did not make what is exported: ${missing.join(', ')}`);
  for (const document of DOCUMENTS) {
    // What the repository has no more is not shipped either.
    rmSync(join(library, document), { recursive: true, force: true });
    cpSync(join(root, document), join(library, document), { recursive: true });
  }
}

/** What package.json promises to whoever imports it. */
function exportedFiles() {
  const { exports } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? entry : Object.values(entry),
  );
}

main().catch((error) => {
  console.error(explain(error));
  process.exit(1);
});
