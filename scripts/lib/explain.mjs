import { UsageError } from './arguments.mjs';
import { CommandError } from './command.mjs';
import { AppEndedError } from './processes.mjs';
import { MachineError } from './workspace.mjs';

/** For what whoever runs a script can put right, one message; for a fault of ours, the stack. */
export function explain(error) {
  if (error instanceof CommandError)
    return [error.output.trimEnd(), error.message].filter(Boolean).join('\n');
  const known = [UsageError, MachineError, AppEndedError].some((type) => error instanceof type);
  return known ? error.message : error.stack;
}
