import { ClientTCP } from '@nestjs/microservices';
import { observe } from '../lib/observe.mjs';
import { ECHO } from '../lib/payloads.mjs';

/** Nest's own client with one of the nodes. */
export function createClient() {
  let client;
  return {
    async start([port]) {
      client = new ClientTCP({ host: '127.0.0.1', port });
      await client.connect();
    },
    call(payload, done) {
      observe(client.send(ECHO, payload), done);
    },
    stop: () => client.close(),
  };
}
