import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Module, Res, type INestApplication } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NEVER } from 'rxjs';
import { until } from '../testing/until.js';
import { ContextInterceptor } from './context.interceptor.js';
import { ContextModule } from './context.module.js';
import { openHttpContext, type HttpResponseLike } from './http-context.js';
import { DEFAULT_CONTEXT_SETTINGS } from './context-settings.js';
import { RequestContext } from './request-context.js';

/** The signals of the requests that came, in order. */
const signals: AbortSignal[] = [];
const keep = () => signals.push(RequestContext.current()!.signal);

@Controller()
class Routes {
  @Get('never')
  never() {
    keep();
    return NEVER;
  }

  @Get('quick')
  quick() {
    keep();
    return { answered: true };
  }

  @Get('half')
  @Header('content-type', 'text/plain')
  half(@Res() response: ServerResponse & { raw?: ServerResponse }) {
    keep();
    (response.raw ?? response).write('half');
  }
}

/** Opened by the middleware, before guards. */
@Module({ imports: [ContextModule], controllers: [Routes] })
class WithMiddleware {}

/** Opened by the interceptor, where nothing did before. */
@Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: ContextInterceptor }], controllers: [Routes] })
class WithInterceptor {}

const apps: INestApplication[] = [];
afterEach(async () => {
  signals.length = 0;
  for (const app of apps.splice(0)) await app.close();
});

/** Asks for a path, and hangs up once the handler has run. */
async function hangUp(port: number, path: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  if (path === '/half') await once(socket, 'data');
  await until(() => signals.length === 1);
  expect(signals[0]!.aborted).toBe(false);
  socket.destroy();
}

describe.each<[string, () => AbstractHttpAdapter]>([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('the signal of an HTTP request on %s', (_platform, adapter) => {
  describe.each([
    ['the middleware', WithMiddleware],
    ['the interceptor', WithInterceptor],
  ])('whose context is opened by %s', (_who, module) => {
    async function start(): Promise<number> {
      const app = await NestFactory.create(module, adapter(), { logger: false });
      apps.push(app);
      await app.listen(0, '127.0.0.1');
      return Number(new URL(await app.getUrl()).port);
    }

    it.each(['/never', '/half'])('is aborted when the client hangs up (%s)', async (path) => {
      await hangUp(await start(), path);
      await until(() => signals[0]!.aborted);
      expect(signals[0]!.reason).toMatchObject({
        name: 'AbortError',
        message: 'The client closed the connection before it was answered',
      });
    });

    it('is not aborted by an answer, nor by the end of its connection after it', async () => {
      const port = await start();
      const answer = await fetch(`http://127.0.0.1:${port}/quick`, { headers: { connection: 'close' } });
      expect(await answer.json()).toEqual({ answered: true });
      await sleep(20);
      expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    });
  });
});

describe('openHttpContext', () => {
  const open = (response: HttpResponseLike) =>
    openHttpContext({ headers: {} }, response, DEFAULT_CONTEXT_SETTINGS).signal;

  it('gives the request of a client that is gone already an aborted signal', () => {
    expect(open({ closed: true, writableFinished: false }).aborted).toBe(true);
    expect(open({ closed: true, writableFinished: true }).aborted).toBe(false);
  });
});
