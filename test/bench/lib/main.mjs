import { endOnSignals } from '../../../scripts/lib/signals.mjs';
import { explain } from '../../../scripts/lib/explain.mjs';
import { red } from '../../../scripts/lib/terminal.mjs';

/** Runs a script, and says what went wrong when it fails. @param {() => Promise<void>} main */
export function runMain(main) {
  endOnSignals();
  main().catch((error) => {
    console.error(red(explain(error)));
    process.exitCode = 1;
  });
}
