import { once } from 'node:events';
import { createServer } from 'node:net';

/** Whether an app could listen there. */
export async function isFree(port) {
  return (await listen(port)) !== undefined;
}

/** As many ports as asked for that nobody listens on, all different. */
export async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) ports.add(await listen(0));
  return [...ports];
}

/** Listens for a moment, and tells where; nothing when that port is taken. */
async function listen(port) {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server.address().port;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
