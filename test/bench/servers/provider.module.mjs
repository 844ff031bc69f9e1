import { Controller, Module } from '@nestjs/common';
import { EventPattern, MessagePattern, RpcException } from '@nestjs/microservices';
import { NEVER, of } from 'rxjs';
import { ECHO } from '../lib/payloads.mjs';

/** What the Nest servers serve: the echo of the measurements, and what the soak mixes in. */
class ProviderController {
  echo(data) {
    return data;
  }

  stream(data) {
    return of(data, data, data);
  }

  fail() {
    throw new RpcException('as asked for');
  }

  /** Is never answered. */
  hold() {
    return NEVER;
  }

  note() {}
}

// Without a compiler there is no decorator syntax: they are called as the functions that they are.
decorate('echo', MessagePattern(ECHO));
decorate('stream', MessagePattern({ cmd: 'stream' }));
decorate('fail', MessagePattern({ cmd: 'fail' }));
decorate('hold', MessagePattern({ cmd: 'hold' }));
decorate('note', EventPattern({ cmd: 'note' }));
Controller()(ProviderController);

function decorate(method, decorator) {
  const { prototype } = ProviderController;
  decorator(prototype, method, Object.getOwnPropertyDescriptor(prototype, method));
}

export class ProviderModule {}
Module({ controllers: [ProviderController] })(ProviderModule);
