/**
 * A provider that works for a while on each call. It notes the call's id in a file before it begins: what is written there
 * outlives a `kill -9`, so that a call that was processed twice is found whatever becomes of the process.
 */
import { openSync, writeSync } from 'node:fs';
import { config, handler, load, tell } from '../../processes/nest.mjs';
import { Slots } from './slots.mjs';

const { Controller, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { MessagePattern, Transport } = load('@nestjs/microservices');

const { name, host, port, work, server, slots: slotCount, limits } = config;
const journal = openSync(config.journal, 'a');
const slots = new Slots(slotCount ?? Infinity);

class Handlers {
  async work({ id }) {
    const start = performance.now();
    writeSync(journal, `${id}\n`);
    await slots.take();
    const taken = performance.now();
    try {
      await new Promise((resolve) => setTimeout(resolve, between(work)));
    } finally {
      slots.give();
    }
    const now = performance.now();
    return { id, node: name, took: now - start, worked: now - taken };
  }
}
Controller()(Handlers);
handler(MessagePattern({ cmd: 'work' }), Handlers, 'work');

class WorkerModule {}
Module({ controllers: [Handlers] })(WorkerModule);

const app = await NestFactory.createMicroservice(WorkerModule, serverOptions());
await app.listen();
tell('listening');

function serverOptions() {
  if (server === 'stock') return { transport: Transport.TCP, options: { host, port } };
  const { BalancedTcpServer } = load('nestjs-load-balancer');
  return { strategy: new BalancedTcpServer({ host, port, service: 'orders', limits }) };
}

function between([shortest, longest]) {
  return shortest + Math.random() * (longest - shortest);
}
