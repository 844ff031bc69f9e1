/** The process of the client that is soaked: traffic goes through it in slices, and after each its heap is looked at. */
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, settings } from '../lib/ipc.mjs';
import { allReady, openBalanced } from './clients.mjs';
import { heldBytes } from './heap.mjs';
import { Traffic } from './traffic.mjs';

const IN_FLIGHT = 64;

let client;
let traffic;

answer({
  async start() {
    const addresses = settings().ports.map((port) => ({ host: '127.0.0.1', port }));
    ({ client } = await openBalanced(addresses, {
      timeout: 5_000,
      // Nodes are killed and come back all the time: they shall be found again soon.
      connection: { backoff: { initial: 50, max: 200 } },
      healthCheck: { interval: 200 },
    }));
    traffic = new Traffic(client);
  },

  /** Traffic for so many milliseconds; then, with nothing in flight and every node ready, what is held. */
  async slice(length) {
    traffic.resume(IN_FLIGHT);
    await sleep(length);
    await traffic.pause();
    await allReady(client);
    return { bytes: await heldBytes(), calls: traffic.calls, outcomes: traffic.outcomes };
  },
});
