import { Controller, Module } from '@nestjs/common';
import type { TcpContext } from '@nestjs/microservices';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { from, Observable, of, Subject, throwError } from 'rxjs';

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** What the handlers saw, and what they are to do: for tests to look at and to change. */
export const served = {
  handled: 0,
  seen: new Subject<{ event: string; data: unknown; metadata: unknown }>(),
  ticks: new Subject<number>(),
};

@Controller()
class TestController {
  @MessagePattern({ cmd: 'sum' })
  sum(numbers: number[]): number {
    served.handled++;
    return sum(numbers);
  }

  @MessagePattern({ cmd: 'asyncSum' })
  async asyncSum(numbers: number[]): Promise<number> {
    return sum(numbers);
  }

  @MessagePattern({ cmd: 'streamSum' })
  streamSum(numbers: number[]): Observable<number> {
    return of(sum(numbers));
  }

  @MessagePattern({ cmd: 'streaming' })
  streaming(numbers: number[]): Observable<number> {
    return from(numbers);
  }

  @MessagePattern({ cmd: 'ticks' })
  ticks(): Observable<number> {
    return served.ticks;
  }

  @MessagePattern('echo')
  echo(data: unknown): unknown {
    return data;
  }

  @MessagePattern('nothing')
  nothing(): void {
    served.handled++;
  }

  @MessagePattern('a null')
  aNull(): null {
    return null;
  }

  @MessagePattern('rpc exception with an object')
  rpcObject(): never {
    throw new RpcException({ code: 42, reason: 'sold out' });
  }

  @MessagePattern('rpc exception with a text')
  rpcText(): never {
    throw new RpcException('sold out');
  }

  @MessagePattern('any other error')
  plainError(): never {
    throw new TypeError('a secret of the provider');
  }

  @MessagePattern('a stream that fails')
  failingStream(): Observable<number> {
    return new Observable<number>((subscriber) => {
      subscriber.next(1);
      subscriber.next(2);
      subscriber.error(new RpcException('no third'));
    });
  }

  @MessagePattern('a failed stream')
  failedStream(): Observable<number> {
    return throwError(() => new RpcException({ status: 'gone' }));
  }

  @MessagePattern('metadata')
  metadata(@Payload() data: unknown, @Ctx() context: unknown): unknown {
    return { data, metadata: (context as TcpContext).getMetadata() ?? null };
  }

  @EventPattern('notification')
  notified(@Payload() data: unknown, @Ctx() context: unknown): void {
    served.seen.next({
      event: 'notification',
      data,
      metadata: (context as TcpContext).getMetadata() ?? null,
    });
  }

  @EventPattern({ on: 'object' })
  notifiedByObject(@Payload() data: unknown): void {
    served.seen.next({ event: 'object', data, metadata: null });
  }
}

/** The provider that both clients call. */
@Module({ controllers: [TestController] })
export class TestModule {}
