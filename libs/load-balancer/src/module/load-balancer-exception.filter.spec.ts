import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  BadRequestException,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Header,
  HttpException,
  Injectable,
  Logger,
  Module,
  Res,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type MiddlewareConsumer,
  type NestMiddleware,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ClientTCP, EventPattern, MessagePattern, RpcException, ServerTCP } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { concat, firstValueFrom, of, throwError } from 'rxjs';
import {
  CancelledError,
  ClientClosedError,
  ConnectFailedError,
  ConnectionLostError,
  DeadlineExceededError,
  InvalidOptionsError,
  LoadBalancerError,
  NoNodesError,
  OverloadedError,
} from '../errors.js';
import { until } from '../testing/until.js';
import { LoadBalancerExceptionFilter } from './load-balancer-exception.filter.js';

const failure = { service: 'orders' };
const WORDS = 'orders: 10.0.0.1:4001 is disconnected';
const NO_NODES = new NoNodesError(WORDS, failure);

/** What the handlers throw next. */
let thrown: unknown;

@Injectable()
class ThrowingMiddleware implements NestMiddleware {
  use(): void {
    throw thrown;
  }
}

@Controller()
class Handlers {
  @Get('throws')
  throws() {
    return throwError(() => thrown);
  }

  @Get('text')
  @Header('content-type', 'text/plain')
  text() {
    throw thrown;
  }

  @Get('middleware')
  middleware() {
    return 'the middleware has thrown before';
  }

  @Get('half')
  half(@Res() response: ServerResponse & { raw?: ServerResponse }) {
    (response.raw ?? response).write('half');
    throw thrown;
  }

  @Get('sent')
  sent(@Res() response: ServerResponse & { raw?: ServerResponse }) {
    (response.raw ?? response).end('all of it');
    throw thrown;
  }

  @MessagePattern('throws')
  rpc() {
    throw thrown;
  }

  @MessagePattern('stream')
  stream() {
    return concat(
      of(1),
      throwError(() => thrown),
    );
  }

  @EventPattern('event')
  event(_data: unknown): unknown {
    throw thrown;
  }
}

@Module({ controllers: [Handlers], providers: [ThrowingMiddleware] })
class Plain {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ThrowingMiddleware).forRoutes('middleware');
  }
}

@Module({
  imports: [Plain],
  providers: [{ provide: APP_FILTER, useClass: LoadBalancerExceptionFilter }],
})
class WithAppFilter {}

const logged: { level: string; message: unknown }[] = [];
const apps: { close(): unknown }[] = [];
beforeEach(() => {
  for (const level of ['error', 'warn', 'debug'] as const)
    jest.spyOn(Logger.prototype, level).mockImplementation((message: unknown) => {
      logged.push({ level, message });
    });
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  jest.restoreAllMocks();
  logged.length = 0;
});

describe.each<[string, () => AbstractHttpAdapter]>([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('LoadBalancerExceptionFilter on %s', (_platform, adapter) => {
  async function start(module: Type, prepare?: (app: INestApplication) => unknown): Promise<string> {
    const app = await NestFactory.create(module, adapter(), { logger: ['error'] });
    apps.push(app);
    prepare?.(app);
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }

  describe.each<[string, () => Promise<string>]>([
    [
      'app.useGlobalFilters(new …)',
      () => start(Plain, (app) => app.useGlobalFilters(new LoadBalancerExceptionFilter())),
    ],
    ['APP_FILTER', () => start(WithAppFilter)],
  ])('with %s', (_how, startApp) => {
    it.each<{ error: LoadBalancerError; status: number; text: string; level?: string }>([
      { error: NO_NODES, status: 503, text: 'Service Unavailable' },
      { error: new ConnectFailedError(WORDS, failure), status: 503, text: 'Service Unavailable' },
      { error: new ConnectionLostError(WORDS, failure), status: 503, text: 'Service Unavailable' },
      { error: new ClientClosedError(WORDS, failure), status: 503, text: 'Service Unavailable' },
      { error: new DeadlineExceededError(WORDS, failure), status: 504, text: 'Gateway Timeout' },
      { error: new OverloadedError(WORDS, failure), status: 429, text: 'Too Many Requests', level: 'warn' },
      {
        error: new CancelledError(WORDS, failure),
        status: 499,
        text: 'Client Closed Request',
        level: 'debug',
      },
      {
        error: new InvalidOptionsError([{ path: '10.0.0.1', message: 'wrong' }]),
        status: 500,
        text: 'Internal Server Error',
      },
    ])(
      'answers $error.code with $status, tells strangers nothing, and the log all',
      async ({ error, status, text, level = 'error' }) => {
        const url = await startApp();
        thrown = error;
        const answer = await fetch(`${url}/throws`);
        const body = await answer.text();
        expect(answer.status).toBe(status);
        expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
        expect(JSON.parse(body)).toEqual({
          statusCode: status,
          message: expect.any(String),
          error: text,
          code: error.code,
        });
        expect(body).not.toMatch(/10\.0\.0\.1|orders/);
        expect(logged).toEqual([{ level, message: level === 'error' ? error : error.message }]);
      },
    );

    it('says when to come back, in whole seconds rounded up, where a server said so', async () => {
      const url = await startApp();
      thrown = new OverloadedError('full', { ...failure, retryAfter: 1_001 });
      expect((await fetch(`${url}/throws`)).headers.get('retry-after')).toBe('2');
      thrown = new OverloadedError('full', failure);
      expect((await fetch(`${url}/throws`)).headers.has('retry-after')).toBe(false);
    });

    it('answers for what middleware throws, and where a handler has named another type of content', async () => {
      const url = await startApp();
      thrown = NO_NODES;
      for (const path of ['middleware', 'text']) {
        const answer = await fetch(`${url}/${path}`);
        expect(answer.status).toBe(503);
        expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
        expect(await answer.json()).toMatchObject({ code: 'NO_NODES' });
      }
    });

    it('cuts off what is half answered, and leaves alone what is answered', async () => {
      const url = await startApp();
      thrown = NO_NODES;
      await expect(fetch(`${url}/half`).then((answer) => answer.text())).rejects.toThrow();
      expect(await (await fetch(`${url}/sent`)).text()).toBe('all of it');
    });

    it('knows the errors of another copy of the package', async () => {
      const url = await startApp();
      const brand = Object.getOwnPropertySymbols(NO_NODES)[0]!;
      thrown = Object.assign(new Error('10.0.0.1:4001'), { [brand]: true, code: 'NO_NODES' });
      expect((await fetch(`${url}/throws`)).status).toBe(503);
      thrown = Object.assign(new Error('10.0.0.1:4001'), { [brand]: true, code: 'OF_A_LATER_VERSION' });
      expect(await (await fetch(`${url}/throws`)).json()).toMatchObject({
        statusCode: 500,
        code: 'OF_A_LATER_VERSION',
      });
    });

    it.each([
      ['an exception of Nest', new BadRequestException('lat: expected …')],
      ['one with a body of its own', new HttpException({ own: 'body' }, 418)],
      ['what nobody foresaw', new TypeError('x is not a function')],
      ['what a handler of a service threw', { status: 'error', message: 'unknown order' }],
    ])('leaves %s to Nest', async (_what, error) => {
      const [url, plain] = [await startApp(), await start(Plain)];
      thrown = error;
      const [answer, expected] = await Promise.all([fetch(`${url}/throws`), fetch(`${plain}/throws`)]);
      expect([answer.status, await answer.text()]).toEqual([expected.status, await expected.text()]);
    });
  });

  it('leaves other errors to the other filters, whichever was registered first', async () => {
    @Catch(ForbiddenException)
    class Teapot implements ExceptionFilter {
      catch(_error: unknown, host: ArgumentsHost): void {
        host.switchToHttp().getResponse().status(418).send('teapot');
      }
    }
    const both = [new Teapot(), new LoadBalancerExceptionFilter()];
    for (const filters of [both, [...both].reverse()]) {
      const url = await start(Plain, (app) => app.useGlobalFilters(...filters));
      thrown = new ForbiddenException();
      expect((await fetch(`${url}/throws`)).status).toBe(418);
      thrown = NO_NODES;
      expect((await fetch(`${url}/throws`)).status).toBe(503);
    }
  });
});

describe('LoadBalancerExceptionFilter for messages', () => {
  /** An application that serves HTTP and messages, and a client of the latter. */
  async function startHybrid(): Promise<{ url: string; client: ClientTCP }> {
    const strategy = new ServerTCP({ host: '127.0.0.1', port: 0 });
    const app = await NestFactory.create(WithAppFilter, { logger: ['error'] });
    apps.push(app);
    app.connectMicroservice({ strategy }, { inheritAppConfig: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const client = new ClientTCP({ port: (strategy.unwrap<Server>().address() as AddressInfo).port });
    apps.unshift(client);
    return { url: await app.getUrl(), client };
  }

  it('tells the caller the code and no address, and the log all', async () => {
    const { url, client } = await startHybrid();
    thrown = NO_NODES;
    const answer = { status: 'error', message: 'No node can take the request', code: 'NO_NODES' };
    await expect(firstValueFrom(client.send('throws', {}))).rejects.toEqual(answer);
    expect(logged).toEqual([{ level: 'error', message: NO_NODES }]);
    expect((await fetch(`${url}/throws`)).status).toBe(503);
  });

  it('tells it in the middle of a stream too, and when to come back', async () => {
    const { client } = await startHybrid();
    thrown = new OverloadedError('10.0.0.1:4001 is full', { ...failure, retryAfter: 1_500 });
    const got: unknown[] = [];
    await new Promise<void>((resolve) =>
      client.send('stream', {}).subscribe({
        next: (value) => got.push(value),
        error: (error: unknown) => {
          got.push(error);
          resolve();
        },
      }),
    );
    expect(got).toEqual([
      1,
      { status: 'error', message: 'Too many requests at the moment', code: 'OVERLOADED', retryAfter: 1_500 },
    ]);
  });

  it('logs what the handler of an event runs into, and goes on', async () => {
    const { client } = await startHybrid();
    thrown = NO_NODES;
    await firstValueFrom(client.emit('event', {}), { defaultValue: undefined });
    await until(() => logged.length > 0);
    expect(logged[0]).toEqual({ level: 'error', message: NO_NODES });
    await expect(firstValueFrom(client.send('throws', {}))).rejects.toMatchObject({ code: 'NO_NODES' });
  });

  it('leaves other errors to Nest', async () => {
    const { client } = await startHybrid();
    thrown = new RpcException({ code: 'UNKNOWN_COUNTRY' });
    await expect(firstValueFrom(client.send('throws', {}))).rejects.toEqual({ code: 'UNKNOWN_COUNTRY' });
    thrown = new TypeError('nobody foresaw it');
    await expect(firstValueFrom(client.send('throws', {}))).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    });
  });
});
