import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take the ports of outgoing connections (32 768 on Linux, 49 152 elsewhere): a port from
 * there could be taken while its provider is down, even by the very client that tries to reconnect.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** Jest's workers begin at different places, so that they do not race for the same port. */
let candidate = FIRST + ((process.pid * 97) % (LAST - FIRST));

/** A port of 127.0.0.1 that nobody listens on, and that no test of this process is given again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = (candidate = candidate < LAST ? candidate + 1 : FIRST);
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
