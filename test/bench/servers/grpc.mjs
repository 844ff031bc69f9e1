import grpc from '@grpc/grpc-js';
import { promisify } from 'node:util';
import { Echo } from './grpc-service.mjs';

export async function start(port) {
  const server = new grpc.Server();
  server.addService(Echo.service, { Echo: ({ request }, reply) => reply(null, request) });
  const bind = promisify(server.bindAsync.bind(server));
  await bind(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure());
}
