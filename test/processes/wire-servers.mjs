/** A provider whose handlers are served by several kinds of server, each on a port of its own. */
import { config, handler, load, tell } from './nest.mjs';

const { Controller, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { EventPattern, MessagePattern, RpcException, Transport } = load('@nestjs/microservices');
const { asapScheduler, concat, from, observeOn, throwError } = load('rxjs');

const host = '127.0.0.1';

/** Values told by events, and those who ask for them before they have come, by their key. */
const noted = new Map();
function note(key) {
  if (!noted.has(key)) {
    let resolve;
    const value = new Promise((settle) => (resolve = settle));
    noted.set(key, { value, resolve });
  }
  return noted.get(key);
}

class Handlers {
  echo(data) {
    return data;
  }

  async later(data) {
    await new Promise((resolve) => setImmediate(resolve));
    return data;
  }

  each(data) {
    return from(data);
  }

  eachLater(data) {
    return from(data).pipe(observeOn(asapScheduler));
  }

  eachThenFail(data) {
    return concat(
      from(data),
      throwError(() => new RpcException('no more')),
    );
  }

  refuse(data) {
    throw new RpcException(data);
  }

  fail() {
    throw new TypeError('a secret of the provider');
  }

  take({ key, value }) {
    note(key).resolve(value);
  }

  /** What the event with this key told; answered once it has come. */
  taken(key) {
    return note(key).value;
  }
}
Controller()(Handlers);
handler(MessagePattern('echo'), Handlers, 'echo');
handler(MessagePattern({ cmd: 'später 🚀' }), Handlers, 'later');
handler(MessagePattern('each'), Handlers, 'each');
handler(MessagePattern('each later'), Handlers, 'eachLater');
handler(MessagePattern('each, then fail'), Handlers, 'eachThenFail');
handler(MessagePattern('refuse'), Handlers, 'refuse');
handler(MessagePattern('fail'), Handlers, 'fail');
handler(EventPattern({ event: 'take' }), Handlers, 'take');
handler(MessagePattern('taken'), Handlers, 'taken');

class ProviderModule {}
Module({ controllers: [Handlers] })(ProviderModule);

const optionsOf = {
  stock: (port) => ({ transport: Transport.TCP, options: { host, port } }),
  'stock with our socket': (port) => {
    const { FastTcpSocket } = load('nestjs-load-balancer/socket');
    return { transport: Transport.TCP, options: { host, port, socketClass: FastTcpSocket } };
  },
  balanced: (port) => {
    const { BalancedTcpServer } = load('nestjs-load-balancer');
    return { strategy: new BalancedTcpServer({ host, port }) };
  },
};

for (const { kind, port } of config.servers) {
  const app = await NestFactory.createMicroservice(ProviderModule, optionsOf[kind](port));
  await app.listen();
}
tell('listening');
