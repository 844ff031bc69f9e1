import { existsSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root } from '../../scripts/lib/workspace.mjs';

/**
 * What the processes of the tests need, once before all tests: the library as it is built, Nest 11, and the library where
 * Nest 11 finds it.
 */
export default async function setUp() {
  const nest11 = join(root, 'test/nest11');
  await install(nest11, 'installing Nest 11 for the tests (npm ci)');
  // tsc writes its output whatever it finds: what it complains of is for the `types` step to judge.
  await build().catch((error) => console.warn(error.output));
  linkLibrary(join(nest11, 'node_modules'));
}

/**
 * A link, and not a copy that could be older than what was just built. Processes that run with Nest 11 are started with
 * `--preserve-symlinks`: then the library's `import '@nestjs/common'` is looked up from where the link stands, which
 * finds Nest 11, and not from where it points to, which would find Nest 12 beside it. npm removes what it has not
 * installed itself, so the link is looked after each time.
 */
function linkLibrary(modules) {
  const link = join(modules, 'nestjs-load-balancer');
  const library = join(root, 'libs/load-balancer');
  // Another run of the tests may be using it.
  if (existsSync(link) && realpathSync(link) === realpathSync(library)) return;
  rmSync(link, { recursive: true, force: true });
  // A junction needs no privileges on Windows; elsewhere the type is ignored.
  symlinkSync(library, link, 'junction');
}
