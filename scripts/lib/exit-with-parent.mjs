/**
 * Preloaded into the processes that the scripts start. Their standard input is a pipe from the script: however that ends, even
 * by `kill -9`, the pipe closes, and the app shuts down instead of staying behind.
 */
process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM')).resume();
process.stdin.unref?.();
