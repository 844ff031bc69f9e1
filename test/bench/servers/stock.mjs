import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { ProviderModule } from './provider.module.mjs';

/** A provider as `nest new` and the documentation make it. */
export async function start(port, host) {
  const app = await NestFactory.createMicroservice(ProviderModule, {
    transport: Transport.TCP,
    options: { host, port },
    logger: ['fatal'],
  });
  await app.listen();
}
