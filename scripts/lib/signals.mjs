/** The exit status that a shell expects of what a signal has ended. */
const EXIT_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

let ending = false;

/** Whether this process is about to end since it was told to: whatever fails from then on is no failure. */
export function isEnding() {
  return ending;
}

/**
 * Ends this process on Ctrl-C and its like, once `cleanUp` is done; the second signal does not wait for it.
 *
 * @param {() => Promise<void>} [cleanUp]
 */
export function endOnSignals(cleanUp) {
  const end = async (signal) => {
    if (!ending) {
      ending = true;
      await cleanUp?.();
    }
    process.exit(EXIT_STATUS[signal]);
  };
  for (const signal of Object.keys(EXIT_STATUS)) process.on(signal, end);
}
