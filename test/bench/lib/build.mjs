import { task } from '../../../scripts/lib/task.mjs';
import { build } from '../../../scripts/lib/workspace.mjs';

/** Compiles what has changed: what is measured is what is in `src`. */
export async function ensureBuilt() {
  await task('building', build);
}
