import { ClientTCP } from '@nestjs/microservices';
import { observe } from '../lib/observe.mjs';
import { ECHO } from '../lib/payloads.mjs';

/** What is written today where there are several nodes: a client for each, and a counter. */
export function createClient() {
  let clients;
  let i = 0;
  return {
    async start(ports) {
      clients = ports.map((port) => new ClientTCP({ host: '127.0.0.1', port }));
      await Promise.all(clients.map((client) => client.connect()));
    },
    call(payload, done) {
      observe(clients[i++ % clients.length].send(ECHO, payload), done);
    },
    stop: () => clients.forEach((client) => client.close()),
  };
}
