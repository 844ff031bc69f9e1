import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger, Module, type DynamicModule, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import type { Registrar, Registration } from '../../discovery/registrar.js';
import { RegistrationModule } from './registration.module.js';

/** Where the servers of these tests are told to register. */
class Registry implements Registrar {
  readonly schemes = ['fake'];
  readonly registered: Registration[] = [];
  /** Did the server accept connections when it was taken off? */
  readonly servedWhenTakenOff: boolean[] = [];

  register(registration: Registration) {
    this.registered.push(registration);
    return Promise.resolve({
      deregister: async () => {
        this.servedWhenTakenOff.push(await accepts(registration.port));
      },
    });
  }
}

/** What an application reads its configuration from. */
@Injectable()
class Config {
  readonly service = 'orders';
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

let app: INestApplication | undefined;
let registry: Registry;
beforeEach(() => {
  registry = new Registry();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});

/** A hybrid application: HTTP, with Nest's own TCP servers beside it. */
async function start(imports: DynamicModule[], ports: number[]): Promise<INestApplication> {
  @Module({ imports })
  class AppModule {}

  app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  for (const port of ports)
    app.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return app;
}

function fromConfig(port: number, weight: number): DynamicModule {
  return RegistrationModule.forRootAsync({
    imports: [ConfigModule],
    inject: [Config],
    useFactory: async ({ service }: Config) => {
      await Promise.resolve();
      return {
        service,
        port,
        host: '127.0.0.1',
        register: { target: 'fake:///here', weight },
        registrars: [registry],
      };
    },
  });
}

describe('RegistrationModule.forRootAsync()', () => {
  it('registers the servers of a hybrid app by what is injected, and takes them off while they still serve', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const hybrid = await start([fromConfig(first, 1), fromConfig(second, 2)], [first, second]);
    await registered(2);
    expect(registry.registered.sort((a, b) => (a.weight ?? 0) - (b.weight ?? 0))).toEqual([
      { service: 'orders', host: '127.0.0.1', port: first, weight: 1 },
      { service: 'orders', host: '127.0.0.1', port: second, weight: 2 },
    ]);
    await hybrid.close();
    expect(registry.servedWhenTakenOff).toEqual([true, true]);
    expect(await accepts(first)).toBe(false);
  });

  it('keeps the app from starting when something is wrong with the options that are made', async () => {
    const wrong = RegistrationModule.forRootAsync({
      useFactory: () => ({ service: 'orders', port: 0, register: 'nowhere://here' }),
    });
    await expect(start([wrong], [])).rejects.toThrow(
      /RegistrationModule\.port: expected an integer from 1 to 65535, got 0[^]*RegistrationModule\.register: nobody can register with "nowhere:\/\/here"/,
    );
  });

  it('says at once what is wrong with what it is given itself', () => {
    expect(() => RegistrationModule.forRootAsync({ inject: 'Config', useClass: Config } as never)).toThrow(
      /forRootAsync\.inject: expected a list of injection tokens[^]*forRootAsync\.useClass: unknown option[^]*forRootAsync\.useFactory: expected a function that makes the options, got undefined/,
    );
  });
});

describe('RegistrationModule.forRoot()', () => {
  it('warns of a host that only this machine reaches, whatever it is called', async () => {
    const port = await freePort();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const register = 'fake://10.0.0.9:2379/orders';
    await start(
      [
        RegistrationModule.forRoot({
          service: 'orders',
          port,
          host: 'localhost',
          register,
          registrars: [registry],
        }),
      ],
      [port],
    );
    await registered(1);
    expect(registry.registered[0]?.host).toMatch(/^(127\.0\.0\.1|::1)$/);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^orders is registered in .* which only this machine reaches/)],
    ]);
    warn.mockRestore();
  });

  it('says what it expects of what is missing', () => {
    expect(() =>
      RegistrationModule.forRoot({ register: 'fake:///here', registrars: [registry] } as never),
    ).toThrow(
      /service: missing; expected the name to register the server under[^]*port: missing; expected the port that the server listens on \(1–65535\)/,
    );
  });

  it.each(['a b', 'http://x', '', '300.1.1.1'])('refuses the host "%s"', (host) => {
    expect(() =>
      RegistrationModule.forRoot({
        service: 'orders',
        port: 4_001,
        host,
        register: 'fake:///here',
        registrars: [registry],
      }),
    ).toThrow(
      /RegistrationModule\.host: .*host name or an IP address|RegistrationModule\.host: not a valid IPv4 address/,
    );
  });

  it('belongs to each application that imports the same module, and goes with it alone', async () => {
    const port = await freePort();
    const host = '127.0.0.1';
    const options = { service: 'orders', port, host, register: 'fake:///here', registrars: [registry] };
    const shared = RegistrationModule.forRoot(options);
    const first = await start([shared], [port]);
    await registered(1);
    const second = await start([shared], []);
    await registered(2);
    await second.close();
    expect(registry.servedWhenTakenOff).toEqual([true]);
    await first.close();
    expect(registry.servedWhenTakenOff).toEqual([true, true]);
  });
});

async function registered(count: number): Promise<void> {
  while (registry.registered.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
