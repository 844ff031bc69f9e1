import { afterEach, describe, expect, it } from '@jest/globals';
import type { CanActivate, INestApplicationContext, NestMiddleware, Type } from '@nestjs/common';
import { Body, Controller, Get, Global, Injectable, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientTCP, Ctx, MessagePattern, Payload, ServerTCP, TcpContext } from '@nestjs/microservices';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { delay, firstValueFrom, map, of } from 'rxjs';
import type { Observable } from 'rxjs';
import { BalancedTcpServer } from '../server/balanced-tcp-server.js';
import { ContextModule } from './context.module.js';
import { LB_CONTEXT_OPTIONS } from './context-options.js';
import { RequestContext } from './request-context.js';
import { ReqContext } from './request-context.decorator.js';

const id = () => RequestContext.current()?.requestId;

/** What the guard saw, by request id. */
const guarded: (string | undefined)[] = [];
const tenantsGuarded: (string | undefined)[] = [];

@Injectable()
class SeenByGuard implements CanActivate {
  canActivate(): boolean {
    guarded.push(id());
    tenantsGuarded.push(RequestContext.current()?.get('x-tenant'));
    return true;
  }
}

@Controller()
@UseGuards(SeenByGuard)
class Everything {
  @Get('http')
  async http(@ReqContext() context: RequestContext) {
    await sleep(2);
    return {
      parameter: context.requestId,
      current: id(),
      tenant: context.get('x-tenant'),
      peer: context.peer?.address,
    };
  }

  @Post('http')
  post(@Body() body: { n: number }, @ReqContext() context: RequestContext) {
    return { ...body, id: context.requestId };
  }

  @MessagePattern('rpc')
  rpc(@Payload() n: number, @ReqContext() context: RequestContext): Observable<unknown> {
    return of(n).pipe(
      delay(2),
      map(() => ({ n, parameter: context.requestId, current: id(), peer: context.peer?.address })),
    );
  }

  @MessagePattern('plain')
  plain(@Ctx() context: TcpContext) {
    return { pattern: context.getPattern(), id: id() };
  }
}

@Injectable()
class EarlyMiddleware implements NestMiddleware {
  static seen: string | undefined;
  use(_request: unknown, _response: unknown, next: () => void): void {
    EarlyMiddleware.seen = id();
    next();
  }
}

@Module({})
class Nearer {
  configure(consumer: any): void {
    consumer.apply(EarlyMiddleware).forRoutes('http');
  }
}

@Global()
@Module({
  providers: [{ provide: LB_CONTEXT_OPTIONS, useValue: { allow: ['x-tenant'] } }],
  exports: [LB_CONTEXT_OPTIONS],
})
class Options {}

@Module({ imports: [Options, Nearer, ContextModule], controllers: [Everything] })
class WithOptions {}

@Module({ imports: [ContextModule], controllers: [Everything] })
class WithoutOptions {}

const quiet = { logger: ['error', 'warn'] } satisfies { logger: ('error' | 'warn')[] };
const port = (server: Server) => (server.address() as AddressInfo).port;

/** A stock client that sends the metadata of Nest 12. */
function client(toPort: number, metadata: Record<string, string> | undefined) {
  const tcp = new ClientTCP({ port: toPort });
  if (metadata) tcp.setOnDispatchHook((packet) => (packet.metadata = metadata));
  closing.push(() => tcp.close());
  return tcp;
}

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  guarded.length = 0;
  tenantsGuarded.length = 0;
});

async function opened<T extends INestApplicationContext>(creating: Promise<T>): Promise<T> {
  const app = await creating;
  closing.push(() => app.close());
  return app;
}

describe('ContextModule over HTTP', () => {
  async function start(module: Type): Promise<string> {
    const app = await opened(NestFactory.create(module, quiet));
    app.setGlobalPrefix('v1', { exclude: ['http'] });
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }

  it('gives guard and handler the context of the request, and tells its id in the answer', async () => {
    const url = await start(WithOptions);
    const response = await fetch(`${url}/http`, { headers: { 'X-Request-Id': 'h-1', 'X-Tenant': 't1' } });
    expect(await response.json()).toEqual({
      parameter: 'h-1',
      current: 'h-1',
      tenant: 't1',
      peer: '127.0.0.1',
    });
    expect(response.headers.get('x-request-id')).toBe('h-1');
    expect(guarded).toEqual(['h-1']);
    expect(EarlyMiddleware.seen).toBe('h-1');
  });

  it('keeps the context while a body is parsed', async () => {
    const url = await start(WithOptions);
    const response = await fetch(`${url}/http`, {
      method: 'POST',
      body: JSON.stringify({ n: 7 }),
      headers: { 'content-type': 'application/json', 'x-request-id': 'h-2' },
    });
    expect(await response.json()).toEqual({ n: 7, id: 'h-2' });
    expect(guarded).toEqual(['h-2']);
  });

  it('takes no further keys in without options, and makes up an id', async () => {
    const url = await start(WithoutOptions);
    const response = await fetch(`${url}/http`, { headers: { 'x-tenant': 't1' } });
    const { current, tenant } = (await response.json()) as any;
    expect(tenant).toBeUndefined();
    expect(response.headers.get('x-request-id')).toBe(current);
  });

  it('has a context for requests without a route too', async () => {
    const url = await start(WithOptions);
    const response = await fetch(`${url}/none`, { headers: { 'x-request-id': 'h-3' } });
    expect([response.status, response.headers.get('x-request-id')]).toEqual([404, 'h-3']);
  });

  it('keeps requests at once apart', async () => {
    const url = await start(WithOptions);
    const ids = Array.from({ length: 20 }, (_, index) => `r-${index}`);
    const seen = await Promise.all(
      ids.map(async (requestId) => {
        const response = await fetch(`${url}/http`, { headers: { 'x-request-id': requestId } });
        return ((await response.json()) as any).current;
      }),
    );
    expect(seen).toEqual(ids);
  });
});

describe('ContextModule over RPC', () => {
  it('gives guard and handler the context on a stock server', async () => {
    const strategy = new ServerTCP({ host: '127.0.0.1', port: 0 });
    const app = await opened(NestFactory.createMicroservice(WithOptions, { ...quiet, strategy }));
    await app.listen();
    const tcp = client(port(strategy.unwrap()), { 'x-request-id': 'r-1' });
    const answer = await firstValueFrom(tcp.send('rpc', 5));
    expect(answer).toEqual({ n: 5, parameter: 'r-1', current: 'r-1', peer: '127.0.0.1' });
    expect(guarded).toEqual(['r-1']);
  });

  it('lends its settings to a server of ours that has none, from the first message on, guards included', async () => {
    const strategy = new BalancedTcpServer({ host: '127.0.0.1', port: 0 });
    const app = await opened(NestFactory.createMicroservice(WithOptions, { ...quiet, strategy }));
    await app.listen();
    const tcp = client(port(strategy.unwrap()), { 'x-tenant': 't1' });
    await firstValueFrom(tcp.send('rpc', 1));
    await firstValueFrom(tcp.send('rpc', 2));
    expect(tenantsGuarded).toEqual(['t1', 't1']);
  });

  it('leaves a server of ours with settings of its own alone', async () => {
    const strategy = new BalancedTcpServer({ host: '127.0.0.1', port: 0, context: {} });
    const app = await opened(NestFactory.createMicroservice(WithOptions, { ...quiet, strategy }));
    await app.listen();
    await firstValueFrom(client(port(strategy.unwrap()), { 'x-tenant': 't1' }).send('rpc', 1));
    expect(tenantsGuarded).toEqual([undefined]);
  });

  it('opens a fresh context for a client that sends none', async () => {
    const strategy = new ServerTCP({ host: '127.0.0.1', port: 0 });
    const app = await opened(NestFactory.createMicroservice(WithoutOptions, { ...quiet, strategy }));
    await app.listen();
    const answer = await firstValueFrom(client(port(strategy.unwrap()), undefined).send('plain', {}));
    expect(answer).toEqual({ pattern: 'plain', id: guarded[0] });
    expect(guarded[0]).toHaveLength(36);
  });

  it('keeps HTTP and RPC of a hybrid application apart', async () => {
    const strategy = new ServerTCP({ host: '127.0.0.1', port: 0 });
    const app = await opened(NestFactory.create(WithOptions, quiet));
    app.connectMicroservice({ strategy }, { inheritAppConfig: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const tcp = client(port(strategy.unwrap()), { 'x-request-id': 'rpc-1' });
    const [rpc, http] = await Promise.all([
      firstValueFrom(tcp.send('rpc', 1)),
      fetch(`${await app.getUrl()}/http`, { headers: { 'x-request-id': 'http-1' } }).then((response) =>
        response.json(),
      ),
    ]);
    expect([rpc.current, (http as any).current]).toEqual(['rpc-1', 'http-1']);
    expect([...guarded].sort()).toEqual(['http-1', 'rpc-1']);
  });
});

describe('ContextModule without any server', () => {
  it('lets an application context start', async () => {
    const app = await opened(NestFactory.createApplicationContext(WithOptions, quiet));
    expect(app.get(ContextModule)).toBeInstanceOf(ContextModule);
  });

  it('refuses options that are wrong', async () => {
    @Global()
    @Module({
      providers: [{ provide: LB_CONTEXT_OPTIONS, useValue: { allow: ['authorization'] } }],
      exports: [LB_CONTEXT_OPTIONS],
    })
    class Wrong {}
    @Module({ imports: [Wrong, ContextModule] })
    class App {}
    const starting = NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow(
      'context.allow[0]: "authorization" is handled by the context itself',
    );
  });
});
