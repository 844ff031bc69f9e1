import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { BalancedTcpServer } from 'nestjs-load-balancer';
import { AppModule } from './app.module.js';
import { explainStartFailure } from './common/start-failure.js';
import { readSettings } from './settings.js';

/** When it cannot start, one line says why: what Nest logs of it is held back, and shown once the app is up. */
const QUIET_UNTIL_STARTED = { abortOnError: false, bufferLogs: true, autoFlushLogs: false };

async function main(): Promise<void> {
  const { host, port, node, register } = readSettings(process.env);
  const strategy = new BalancedTcpServer({
    host,
    port,
    service: 'cities',
    ...(register !== undefined && { register }),
  });
  const app = await NestFactory.createMicroservice(AppModule.forNode(node), {
    strategy,
    ...QUIET_UNTIL_STARTED,
  });
  app.enableShutdownHooks();
  // Of what can go wrong, Nest's `listen()` only reports that the port is taken, and waits for ever otherwise.
  const failed = new Promise<never>((_, reject) => strategy.on('error', reject));
  await Promise.race([app.listen(), failed]);
  app.flushLogs();
}

main().catch((error: unknown) => {
  console.error(explainStartFailure(error));
  process.exit(1);
});
