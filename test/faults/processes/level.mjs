/** One service in a chain of them: notes each call, and passes it on to the next; the last one fails. */
import { openSync, writeSync } from 'node:fs';
import { config, handler, load, startedLater, tell } from '../../processes/nest.mjs';

const { Controller, Inject, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { MessagePattern, RpcException } = load('@nestjs/microservices');
const { catchError, throwError } = load('rxjs');
const { BalancedTcpServer, getBalancedClientToken, LoadBalancerModule } = load('nestjs-load-balancer');

const { name, port, next, retry } = config;
const journal = openSync(config.journal, 'a');
const WORK = { cmd: 'work' };

class Level {
  constructor(client) {
    this.client = client;
  }

  work(data) {
    writeSync(journal, `${data.id}\n`);
    if (next === undefined) return throwError(() => new RpcException({ code: 'UNAVAILABLE', message: name }));
    return this.client
      .send(WORK, data, { idempotent: true })
      .pipe(catchError((error) => throwError(() => new RpcException(error))));
  }
}
Controller()(Level);
if (next !== undefined) Inject(getBalancedClientToken('next'))(Level, undefined, 0);
handler(MessagePattern(WORK), Level, 'work');

class LevelModule {}
const services = next === undefined ? {} : { next: { ...startedLater(next), retry } };
Module({ imports: [LoadBalancerModule.forRoot({ services })], controllers: [Level] })(LevelModule);

const strategy = new BalancedTcpServer({ host: '127.0.0.1', port, service: name });
const app = await NestFactory.createMicroservice(LevelModule, { strategy, logger: false });
await app.listen();
tell('listening');
