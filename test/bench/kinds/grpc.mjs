import grpc from '@grpc/grpc-js';
import { promisify } from 'node:util';
import { Echo } from '../servers/grpc-service.mjs';

/** Milliseconds to connect. */
const PATIENCE = 10_000;

/** grpc-js with its own round robin. */
export function createClient() {
  let client;
  return {
    async start(ports) {
      const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
      client = new Echo(target, grpc.credentials.createInsecure(), {
        'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      });
      await promisify(client.waitForReady.bind(client))(Date.now() + PATIENCE);
    },
    call(payload, done) {
      client.Echo(payload, done);
    },
    stop: () => client.close(),
  };
}
