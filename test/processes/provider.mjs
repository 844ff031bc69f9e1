/**
 * A provider with a few handlers. With `server: 'stock'` nothing of this library is in the process: it is what anybody has who
 * runs Nest 11 or 12; `server: 'hybrid'` has HTTP beside that. With `register`, it registers itself, by `RegistrationModule` where
 * it is not `BalancedTcpServer` that does.
 */
import { config, handler, load, onTold, tell } from './nest.mjs';

const { Controller, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { EventPattern, MessagePattern, Transport } = load('@nestjs/microservices');

const { name, port, register, host = '127.0.0.1' } = config;
let release = () => undefined;
onTold('release', () => release());

class Handlers {
  who() {
    return name;
  }

  /** Answers when the test says so. */
  hold() {
    const released = new Promise((resolve) => {
      release = resolve;
    });
    tell('holding');
    return released.then(() => name);
  }

  note(data) {
    tell('noted', { data });
  }
}
Controller()(Handlers);
handler(MessagePattern({ cmd: 'who' }), Handlers, 'who');
handler(MessagePattern({ cmd: 'hold' }), Handlers, 'hold');
handler(EventPattern('note'), Handlers, 'note');

class ProviderModule {}
Module({ controllers: [Handlers], imports: registration() })(ProviderModule);

const app = await (config.server === 'hybrid'
  ? NestFactory.create(ProviderModule)
  : NestFactory.createMicroservice(ProviderModule, serverOptions()));
if (register) app.enableShutdownHooks();
if (config.server === 'hybrid') {
  app.connectMicroservice(serverOptions());
  await app.startAllMicroservices();
  await app.listen(0, host);
} else {
  await app.listen();
}
tell('listening');

function serverOptions() {
  if (config.server !== 'balanced') return { transport: Transport.TCP, options: { host, port } };
  const { BalancedTcpServer } = load('nestjs-load-balancer');
  return {
    strategy: new BalancedTcpServer({ host, port, service: 'orders', ...(register && { register }) }),
  };
}

function registration() {
  if (config.server === 'balanced' || !register) return [];
  const { RegistrationModule } = load('nestjs-load-balancer');
  const options = { service: 'orders', host, port, register };
  if (config.server === 'stock') return [RegistrationModule.forRoot(options)];
  return [RegistrationModule.forRootAsync({ useFactory: () => Promise.resolve(options) })];
}
