/** The process of one provider, whose handler burns CPU. */
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Transport } from '@nestjs/microservices';
import { BalancedTcpServer } from 'nestjs-load-balancer';
import { answer, settings } from '../lib/ipc.mjs';

const { server, host, port, burn } = settings();

class Handlers {
  /** Answers with the port, when this process has spent its milliseconds of CPU on the call. */
  work() {
    const end = cpu() + burn;
    while (cpu() < end);
    return port;
  }
}
// Without a compiler there is no decorator syntax: they are called as the functions that they are.
MessagePattern({ cmd: 'work' })(
  Handlers.prototype,
  'work',
  Object.getOwnPropertyDescriptor(Handlers.prototype, 'work'),
);
Controller()(Handlers);
class WorkModule {}
Module({ controllers: [Handlers] })(WorkModule);

/** Milliseconds of CPU that this process has had: other than time, it stands still while another process has the core. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

answer({
  async start() {
    const how =
      server === 'stock'
        ? { transport: Transport.TCP, options: { host, port } }
        : { strategy: new BalancedTcpServer({ host, port, service: 'tail' }) };
    const app = await NestFactory.createMicroservice(WorkModule, { ...how, logger: ['fatal'] });
    await app.listen();
  },
});
