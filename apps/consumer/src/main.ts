import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { explainStartFailure } from './common/start-failure.js';
import { readSettings } from './settings.js';

/** When it cannot start, one line says why: what Nest logs of it is held back, and shown once the app is up. */
const QUIET_UNTIL_STARTED = { abortOnError: false, bufferLogs: true, autoFlushLogs: false };

async function main(): Promise<void> {
  const { host, port } = readSettings(process.env);
  const app = await NestFactory.create(AppModule, QUIET_UNTIL_STARTED);
  app.enableShutdownHooks();
  await app.listen(port, host);
  app.flushLogs();
}

main().catch((error: unknown) => {
  console.error(explainStartFailure(error));
  process.exit(1);
});
