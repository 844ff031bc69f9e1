/** A provider on its way out: a microservice of its own, or (`hybrid`) one beside HTTP with the health routes. */
import { config, handler, load, onTold, tell } from './nest.mjs';

const { Controller, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { MessagePattern } = load('@nestjs/microservices');
const { BalancedTcpServer, LoadBalancerModule } = load('nestjs-load-balancer');

let release = () => undefined;
onTold('release', () => release());

class Handlers {
  who() {
    return 'draining';
  }

  /** Answers when the test says so. */
  hold() {
    const released = new Promise((resolve) => {
      release = () => resolve('at last');
    });
    tell('holding');
    return released;
  }

  onApplicationShutdown() {
    tell('shut down');
  }
}
Controller()(Handlers);
handler(MessagePattern({ cmd: 'who' }), Handlers, 'who');
handler(MessagePattern({ cmd: 'hold' }), Handlers, 'hold');

class PlainModule {}
Module({ controllers: [Handlers] })(PlainModule);

const strategy = new BalancedTcpServer({ host: '127.0.0.1', port: 0, ...config.server });
const ports = {};
let app;
if (config.hybrid) {
  const { LoadBalancerHealthModule } = load('nestjs-load-balancer/health');
  class HybridModule {}
  Module({
    imports: [LoadBalancerModule.forRoot({ services: {} }), LoadBalancerHealthModule],
    controllers: [Handlers],
  })(HybridModule);
  app = await NestFactory.create(HybridModule, { logger: ['error'] });
  app.connectMicroservice({ strategy }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  ports.http = app.getHttpServer().address().port;
} else {
  app = await NestFactory.createMicroservice(PlainModule, { strategy, logger: ['error'] });
  await app.listen();
}
if (config.shutdownHooks) app.enableShutdownHooks();
ports.tcp = strategy.unwrap().address().port;
tell('listening', ports);
