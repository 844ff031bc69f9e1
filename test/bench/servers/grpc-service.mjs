import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

const PROTO = fileURLToPath(new URL('echo.proto', import.meta.url));

/** The client class of the service, whose `service` describes it to a server. */
export const { Echo } = grpc.loadPackageDefinition(loadSync(PROTO, { keepCase: true })).bench;
