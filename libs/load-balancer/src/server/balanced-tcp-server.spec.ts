import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type {
  CallHandler,
  CanActivate,
  ExecutionContext,
  LoggerService,
  NestInterceptor,
} from '@nestjs/common';
import { Controller, Injectable, Module, UseGuards, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { TcpClientOptions } from '@nestjs/microservices';
import {
  ClientTCP,
  Ctx,
  EventPattern,
  JsonSocket,
  MessagePattern,
  Payload,
  RpcException,
  ServerTCP,
  TcpContext,
} from '@nestjs/microservices';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { concatMap, delay, firstValueFrom, from, lastValueFrom, map, of, toArray } from 'rxjs';
import type { Observable } from 'rxjs';
import { RequestContext } from '../context/request-context.js';
import { ReqContext } from '../context/request-context.decorator.js';
import { InvalidOptionsError } from '../errors.js';
import { parseProbeAnswer, PROBE_PATTERN } from '../transport/probe-protocol.js';
import type { BalancedTcpServerOptions } from './balanced-tcp-server-options.js';
import { BalancedTcpServer } from './balanced-tcp-server.js';
import { Cost, Idempotent, marksOf } from './handler-marks.js';
import { CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from './tls.spec.fixture.js';

const id = () => RequestContext.current()?.requestId;

/** Who saw which request id, in order. */
const seen: [string, string | undefined][] = [];

@Injectable()
class Guard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    seen.push(['guard', id()]);
    if (context.switchToRpc().getData<unknown>() === 'forbidden') throw new RpcException('not for you');
    return true;
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    seen.push(['interceptor', id()]);
    return next.handle();
  }
}

@Controller()
@UseGuards(Guard)
@UseInterceptors(Interceptor)
class Handlers {
  static events: unknown[] = [];

  @MessagePattern('sync')
  sync(@ReqContext() context: RequestContext) {
    return { id: id(), parameter: context.requestId };
  }

  @MessagePattern({ cmd: 'promise' })
  async promise(@Payload() ms: number) {
    await sleep(ms % 7);
    return id();
  }

  @MessagePattern('stream')
  stream(@Payload() ids: number[]) {
    return from(ids).pipe(
      concatMap((n) => of(n).pipe(delay(1))),
      map((n) => `${n}:${id()}`),
    );
  }

  @MessagePattern('context')
  context(@Ctx() context: TcpContext) {
    return {
      ...RequestContext.current()?.toJSON(),
      metadata: context.getMetadata(),
      pattern: context.getPattern(),
    };
  }

  @MessagePattern({ cmd: 'echo', n: 1 })
  echo(@Payload() data: unknown) {
    return data;
  }

  @MessagePattern('fails')
  fails() {
    throw new RpcException({ code: 'NO_STOCK', left: 0 });
  }

  @Idempotent()
  @Cost(3)
  @MessagePattern('marked-above', { extra: 'kept' })
  markedAbove() {
    return 'above';
  }

  @MessagePattern({ cmd: 'marked-below' })
  @Cost(2)
  @Idempotent()
  markedBelow() {
    return 'below';
  }

  @Idempotent()
  @EventPattern('event')
  event(@Payload() data: unknown) {
    return of(data).pipe(
      delay(1),
      map(() => Handlers.events.push(id())),
    );
  }
}

/** Without an enhancer, what a handler returns reaches the server as it is, and not as an Observable. */
@Controller()
class PlainHandlers {
  @MessagePattern('plain')
  plain(@Payload() data: unknown) {
    return data;
  }

  @MessagePattern('plain-promise')
  plainPromise(@Payload() data: unknown) {
    return Promise.resolve(data);
  }

  @MessagePattern('plain-nothing')
  plainNothing() {
    return undefined;
  }

  @MessagePattern('plain-stream')
  plainStream() {
    return from([1, 2]);
  }

  @MessagePattern('cycle')
  cycle() {
    const cycle: Record<string, unknown> = {};
    return (cycle.self = cycle);
  }
}

@Module({ controllers: [Handlers, PlainHandlers] })
class App {}

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  seen.length = 0;
  Handlers.events.length = 0;
});

const logged: string[] = [];
const write = (...args: unknown[]) => void logged.push(args.join(' '));
const logger: LoggerService = { log: () => undefined, warn: write, error: write, fatal: write };

async function serve<T extends ServerTCP>(strategy: T): Promise<{ strategy: T; port: number }> {
  logged.length = 0;
  const app = await NestFactory.createMicroservice(App, { strategy, logger });
  closing.push(() => app.close());
  await app.listen();
  return { strategy, port: (strategy.unwrap<Server>().address() as AddressInfo).port };
}

const balanced = (options: BalancedTcpServerOptions = {}) =>
  serve(new BalancedTcpServer({ host: '127.0.0.1', port: 0, ...options }));
const stock = () => serve(new ServerTCP({ host: '127.0.0.1', port: 0 }));

function client(
  port: number,
  metadata?: Record<string, string>,
  options: TcpClientOptions['options'] = {},
): ClientTCP {
  const tcp = new ClientTCP({ host: '127.0.0.1', port, ...options });
  if (metadata) tcp.setOnDispatchHook((packet) => (packet.metadata = metadata));
  closing.push(() => tcp.close());
  return tcp;
}

/** Sends one packet as it is, and gives the first reply as it is on the wire. */
async function exchange(port: number, packet: unknown): Promise<unknown> {
  const socket = new JsonSocket(new Socket());
  closing.push(() => socket.end());
  socket.connect(port, '127.0.0.1');
  await once(socket.netSocket, 'connect');
  socket.sendMessage(packet);
  const [reply] = (await once(socket.netSocket, 'message')) as unknown[];
  return reply;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

it('takes a client that is gone without a goodbye for no error, and garbage for one', async () => {
  const { port } = await balanced();
  const connect = async () => {
    const socket = new Socket().connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const killed = await connect();
  killed.write('99#{"pattern":"sync","id":"1","data"');
  await sleep(20);
  killed.resetAndDestroy();
  await sleep(50);
  expect(logged).toEqual([]);
  const garbled = await connect();
  garbled.write('x#');
  await until(() => logged.length > 0);
  expect(logged[0]).toContain('Corrupted length value');
});

describe('the context', () => {
  it('is the same for guard, interceptor, handler and parameter', async () => {
    const { port } = await balanced();
    const answer = await firstValueFrom(client(port, { 'x-request-id': 'r-1' }).send('sync', {}));
    expect(answer).toEqual({ id: 'r-1', parameter: 'r-1' });
    expect(seen).toEqual([
      ['guard', 'r-1'],
      ['interceptor', 'r-1'],
    ]);
  });

  it('is around the user’s processing hooks', async () => {
    const { strategy, port } = await balanced();
    strategy.setOnProcessingStartHook((_transport, _context, done) => {
      seen.push(['start', id()]);
      void done();
    });
    strategy.setOnProcessingEndHook(() => seen.push(['end', id()]));
    await lastValueFrom(client(port, { 'x-request-id': 'r-1' }).send('stream', [1, 2]));
    await until(() => seen.some(([who]) => who === 'end'));
    expect(seen.map(([who]) => who)).toEqual(['start', 'guard', 'interceptor', 'end']);
    expect(new Set(seen.map(([, requestId]) => requestId))).toEqual(new Set(['r-1']));
  });

  it('is there when an Observable emits later', async () => {
    const { port } = await balanced();
    const values = client(port, { 'x-request-id': 'r-1' }).send('stream', [1, 2, 3]).pipe(toArray());
    expect(await lastValueFrom(values)).toEqual(['1:r-1', '2:r-1', '3:r-1']);
  });

  it('is there for events', async () => {
    const { port } = await balanced();
    client(port, { 'x-request-id': 'e-1' }).emit('event', {});
    await until(() => Handlers.events.length > 0);
    expect(Handlers.events).toEqual(['e-1']);
  });

  it('is never the one of another request, over one connection or several', async () => {
    const { port } = await balanced();
    const clients = [client(port), client(port)];
    for (const tcp of clients) {
      tcp.setOnDispatchHook((packet) => (packet.metadata = { 'x-request-id': `r-${packet.data}` }));
    }
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((n) => firstValueFrom(clients[n % 2]!.send({ cmd: 'promise' }, n))),
    );
    expect(answers).toEqual(numbers.map((n) => `r-${n}`));
  });

  it('takes in what the options allow, and who sent it', async () => {
    const { port } = await balanced({ context: { allow: ['x-tenant'] } });
    const metadata = { 'x-request-id': 'r-1', 'x-tenant': 't1', 'x-role': 'admin', 'lb-timeout': '800' };
    const answer: any = await firstValueFrom(client(port, metadata).send('context', {}));
    expect(answer).toMatchObject({
      requestId: 'r-1',
      entries: { 'x-tenant': 't1' },
      peer: { address: '127.0.0.1' },
      pattern: 'context',
      metadata,
    });
    expect(answer.remaining).toBeGreaterThan(0);
    expect(answer.remaining).toBeLessThanOrEqual(800);
    expect(answer.peer.port).toBeGreaterThan(0);
  });

  it.each([[5], ['x'], [[1, 2]], [null], [{ 'x-request-id': { $gt: '' } }]])(
    'survives metadata that is %j',
    async (metadata) => {
      const { port } = await balanced();
      const reply: any = await exchange(port, { id: 'i', pattern: 'sync', data: {}, metadata });
      expect(reply.response.id).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('tells the subject of a client’s certificate', async () => {
    const { port } = await balanced({
      tlsOptions: { key: SERVER_KEY, cert: SERVER_CERT, ca: CLIENT_CERT, requestCert: true },
    });
    const tlsOptions = { ca: SERVER_CERT, key: CLIENT_KEY, cert: CLIENT_CERT };
    const answer: any = await firstValueFrom(client(port, undefined, { tlsOptions }).send('context', {}));
    expect(answer.peer.tls).toEqual({ authorized: true, subject: { O: 'Acme', CN: 'gateway' } });
  });

  it('tells that a certificate nobody vouches for proves nothing', async () => {
    const { port } = await balanced({
      tlsOptions: { key: SERVER_KEY, cert: SERVER_CERT, requestCert: true, rejectUnauthorized: false },
    });
    const subjects = [];
    for (const certificate of [{ key: CLIENT_KEY, cert: CLIENT_CERT }, {}]) {
      const tlsOptions = { ca: SERVER_CERT, ...certificate };
      const answer: any = await firstValueFrom(client(port, undefined, { tlsOptions }).send('context', {}));
      subjects.push(answer.peer.tls);
    }
    expect(subjects).toEqual([
      { authorized: false, subject: { O: 'Acme', CN: 'gateway' } },
      { authorized: false },
    ]);
  });
});

describe('the reserved pattern', () => {
  it('is answered with what the server can do', async () => {
    const { port } = await balanced({ service: 'orders' });
    const response = await firstValueFrom(client(port).send<unknown>(PROBE_PATTERN, {}));
    expect(parseProbeAnswer(response)).toEqual({
      version: 1,
      service: 'orders',
      features: new Set(['context', 'cancel', 'drain', 'trailer']),
      draining: false,
      load: { inFlight: 0, rate: 0 },
      idempotent: new Set(['{"cmd":"marked-below"}', 'marked-above']),
    });
  });

  it('is answered in an envelope that a Nest 12 client takes for its own', async () => {
    const { port } = await balanced();
    const reply = await exchange(port, { id: 'p-1', pattern: PROBE_PATTERN, data: {} });
    expect(reply).toEqual({ id: 'p-1', response: expect.objectContaining({ lb: 1 }), isDisposed: true });
  });

  it('runs no hook, no guard and no handler, and logs nothing, not even as an event', async () => {
    const { strategy, port } = await balanced();
    const hook = jest.fn();
    strategy.setOnProcessingStartHook((_transport, _context, done) => {
      hook();
      void done();
    });
    await exchange(port, { id: 'p-1', pattern: PROBE_PATTERN });
    const tcp = client(port);
    await lastValueFrom(tcp.emit(PROBE_PATTERN, {}), { defaultValue: undefined });
    await firstValueFrom(tcp.send(PROBE_PATTERN, {}));
    expect(hook).not.toHaveBeenCalled();
    expect(seen).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('gets the no-handler answer of a stock server, which logs nothing either', async () => {
    const { port } = await stock();
    await expect(firstValueFrom(client(port).send(PROBE_PATTERN, {}))).rejects.toContain(
      'no matching message handler',
    );
    expect(logged).toEqual([]);
  });
});

describe('marks of handlers', () => {
  it('stand among their extras, above and below the pattern, and leave the user’s own', async () => {
    const { strategy } = await balanced();
    const extras = (route: string) => strategy.getHandlers().get(route)?.extras;
    expect(marksOf(extras('marked-above'))).toEqual({ idempotent: true, cost: 3 });
    expect(extras('marked-above')).toMatchObject({ extra: 'kept' });
    expect(marksOf(extras('{"cmd":"marked-below"}'))).toEqual({ idempotent: true, cost: 2 });
    expect(marksOf(extras('sync'))).toEqual({});
  });

  it('are told once a connection', async () => {
    const { port } = await balanced();
    const tcp = client(port);
    const probe = () => firstValueFrom(tcp.send(PROBE_PATTERN, {}));
    expect((await probe()).idempotent).toHaveLength(2);
    expect(await probe()).not.toHaveProperty('idempotent');
  });

  it('mean nothing to a stock server', async () => {
    const { port } = await stock();
    expect(await firstValueFrom(client(port).send('marked-above', {}))).toBe('above');
  });
});

describe('to a stock client', () => {
  it.each([
    ['a value', { id: 'i', pattern: { n: 1, cmd: 'echo' }, data: [1] }],
    ['nothing', { id: 'i', pattern: { n: 1, cmd: 'echo' }, data: null }],
    ['an unknown pattern', { id: 'i', pattern: 'nope', data: {} }],
    ['an unknown pattern that is an object', { id: 'i', pattern: { cmd: 'nope' }, data: {} }],
    ['a pattern like the reserved one', { id: 'i', pattern: { ...PROBE_PATTERN, more: 1 }, data: {} }],
    ['no pattern', { id: 'i', data: {} }],
    ['an error', { id: 'i', pattern: 'fails', data: {} }],
    ['a plain value', { id: 'i', pattern: 'plain', data: { n: 1 } }],
    ['a promise', { id: 'i', pattern: 'plain-promise', data: 0 }],
    ['no value', { id: 'i', pattern: 'plain-nothing', data: 0 }],
    ['the first value of several', { id: 'i', pattern: 'plain-stream', data: 0 }],
    ['a refusal of a guard', { id: 'i', pattern: 'sync', data: 'forbidden' }],
  ])('%s is answered as by a stock server', async (_what, packet) => {
    const ours = await exchange((await balanced()).port, packet);
    const theirs = await exchange((await stock()).port, packet);
    expect(ours).toEqual(theirs);
  });

  it('an answer that cannot be written is an error, where a stock server leaves the caller waiting', async () => {
    const { port } = await balanced();
    await expect(firstValueFrom(client(port).send('cycle', {}))).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(logged.join()).toContain('circular');
  });

  it('an unknown event is logged as by a stock server', async () => {
    const logs: string[][] = [];
    for (const start of [balanced, stock]) {
      const { port } = await start();
      client(port).emit('nope', {});
      await until(() => logged.length > 0);
      logs.push([...logged]);
    }
    expect(logs[0]).toEqual(logs[1]);
  });

  it('values of any serializer and deserializer are as by a stock server, also when they take their time', async () => {
    const { port } = await balanced({
      deserializer: {
        deserialize: async (value: any) => ({ ...value, pattern: value.pattern.toLowerCase() }),
      },
      serializer: {
        serialize: (value: any) => ({ ...value, response: value.response && { wrapped: value.response } }),
      },
    });
    const answer: any = await firstValueFrom(client(port, { 'x-request-id': 'r-1' }).send('SYNC', {}));
    expect(answer).toEqual({ wrapped: { id: 'r-1', parameter: 'r-1' } });
  });

  it('a handler is found under every spelling of its pattern, however many there were', async () => {
    const { strategy, port } = await balanced();
    const tcp = client(port, { 'x-request-id': 'r-1' });
    const send = (pattern: string) => firstValueFrom(tcp.send(pattern, 0));
    for (let blanks = 0; blanks < 50; blanks++) {
      expect(await send(`${' '.repeat(blanks)}{"cmd":"promise"}`)).toBe('r-1');
    }
    for (const pattern of ['sync', '"sync"', 'sync']) expect(await send(pattern)).toHaveProperty('id', 'r-1');
    for (const pattern of ['nope', 'nope', '{"cmd":"nope"}'])
      await expect(send(pattern)).rejects.toBeDefined();
    expect((strategy as any).plainRoutes).toEqual(new Set(['{"cmd":"promise"}', 'sync']));
  });
});

describe('the options', () => {
  it('are refused when they are wrong', () => {
    expect(() => new BalancedTcpServer({ port: -1, context: { maxValueLength: 0 } })).toThrow(
      InvalidOptionsError,
    );
  });

  it('reach Nest: a class of sockets, and the limits of its own one', async () => {
    class Counting extends JsonSocket {
      static made = 0;
      constructor(socket: Socket) {
        super(socket);
        Counting.made++;
      }
    }
    const { port } = await balanced({ socketClass: Counting });
    await exchange(port, { id: 'i', pattern: 'sync', data: {} });
    expect(Counting.made).toBe(1);

    const { port: small } = await balanced({ maxBufferSize: 10 });
    await expect(firstValueFrom(client(small).send('sync', 'far too long'))).rejects.toThrow(
      'Connection closed',
    );
  });

  it('that are undefined leave Nest its defaults', () => {
    const server = new BalancedTcpServer({ port: undefined, host: undefined } as never);
    expect((server as any).port).toBe(3_000);
    expect((server as any).host).toBe('localhost');
  });
});
