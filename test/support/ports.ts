import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take the ports of outgoing connections (32 768 on Linux, 49 152 elsewhere): a port from
 * there could be taken while its provider is down, even by the very client that tries to reconnect.
 */
const FIRST = 20_000;
/** Each of Jest's workers has ports of its own, so that none takes that of a provider which another is restarting. */
const PORTS = 1_500;
const WORKERS = 8;
const first = FIRST + ((Number(process.env.JEST_WORKER_ID ?? 1) - 1) % WORKERS) * PORTS;

/** Two runs on one machine begin at different places. */
let next = (process.pid * 97) % PORTS;

/** A port of 127.0.0.1 that nobody listens on, and that no test of this process is given again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (next = (next + 1) % PORTS);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
