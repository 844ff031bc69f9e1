/** What this process was started with. */
export function settings() {
  return JSON.parse(process.argv[2]);
}

/**
 * Lets the process that started this one call these functions; when it goes, this process ends.
 *
 * @param {Record<string, (...args: any[]) => unknown>} functions
 */
export function answer(functions) {
  process.on('message', async ({ id, method, args }) => {
    try {
      process.send({ id, result: await functions[method](...args) });
    } catch (error) {
      process.send({ id, error });
    }
  });
  process.on('disconnect', () => process.exit());
}
