import { NestFactory } from '@nestjs/core';
import { BalancedTcpServer } from 'nestjs-load-balancer';
import { ProviderModule } from './provider.module.mjs';

/** The same provider with our server strategy. */
export async function start(port, host) {
  const app = await NestFactory.createMicroservice(ProviderModule, {
    strategy: new BalancedTcpServer({ host, port, service: 'bench' }),
    logger: ['fatal'],
  });
  await app.listen();
}
