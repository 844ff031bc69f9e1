/** The process of a client that holds calls in flight, or connections. */
import { answer, settings } from '../lib/ipc.mjs';
import { PAYLOADS } from '../lib/payloads.mjs';
import { CLIENTS } from './clients.mjs';
import { heldBytes } from './heap.mjs';

/** Never answered. */
const HOLD = { cmd: 'hold' };
/** Calls, and connections, made before it counts: what is made but once shall not be part of what each costs. */
const REHEARSAL = 500;

const open = CLIENTS[settings().client];

answer({
  /** Bytes for each of so many calls that wait for an answer, and for each when they have all been unsubscribed from. */
  async calls(port, count) {
    const client = await open([{ host: '127.0.0.1', port }]);
    const subscriptions = new Array(count);
    const subscribeAll = (to) => {
      for (let i = 0; i < to; i++)
        subscriptions[i] = client.send(HOLD, PAYLOADS.small).subscribe({ error: fail });
    };
    const unsubscribeAll = (to) => {
      for (let i = 0; i < to; i++) subscriptions[i].unsubscribe();
      subscriptions.fill(undefined);
    };
    subscribeAll(REHEARSAL);
    unsubscribeAll(REHEARSAL);

    const before = await heldBytes();
    subscribeAll(count);
    const during = await heldBytes();
    unsubscribeAll(count);
    const after = await heldBytes();
    await client.close();
    return { held: (during - before) / count, left: (after - before) / count };
  },

  /** Bytes for each of so many idle connections. Each goes to another address of the loopback, as a balanced client has one a node. */
  async connections(port, count) {
    const address = (i) => ({ host: `127.1.${i >> 8}.${i & 255}`, port });
    const addresses = Array.from({ length: REHEARSAL + count }, (_, i) => address(i + 1));
    const rehearsal = await open(addresses.slice(0, REHEARSAL));
    await rehearsal.close();

    const before = await heldBytes();
    const client = await open(addresses.slice(REHEARSAL));
    const during = await heldBytes();
    await client.close();
    return { held: (during - before) / count };
  },
});

function fail(error) {
  throw new Error('a call that nobody answers was answered', { cause: error });
}
