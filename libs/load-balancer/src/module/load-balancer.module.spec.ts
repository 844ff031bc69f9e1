import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { Injectable, Logger, Module } from '@nestjs/common';
import type { NestApplicationContext } from '@nestjs/core';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { firstValueFrom, of } from 'rxjs';
import { BalancedClientProxy } from '../client/balanced-client-proxy.js';
import { LoadBalancerRegistry } from '../client/registry.js';
import { BalancedClient } from './balanced-client.decorator.js';
import { LoadBalancerModule } from './load-balancer.module.js';
import type { StrategyFactory } from '../strategies/strategy.js';
import type {
  LoadBalancerAsyncResult,
  LoadBalancerModuleAsyncOptions,
  LoadBalancerModuleOptions,
  LoadBalancerOptionsFactory,
} from './options.js';
import { getBalancedClientToken } from './tokens.js';

const ORDERS = 'static:///127.0.0.1:1';
const USERS = 'static:///127.0.0.1:2';

const variables: string[] = [];
const closing: (() => Promise<unknown>)[] = [];

function setVariable(name: string, value: string): void {
  process.env[name] = value;
  variables.push(name);
}

afterEach(async () => {
  for (const name of variables.splice(0)) Reflect.deleteProperty(process.env, name);
  for (const close of closing.splice(0)) await close();
});

type Imports = NonNullable<Parameters<typeof Module>[0]['imports']>;

async function start(imports: Imports, ...providers: Type[]) {
  const app = await Test.createTestingModule({ imports, providers }).compile();
  await app.init();
  closing.push(() => app.close());
  return app;
}

const failure = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );

/** Injectable classes, made one by one, since each test has names of its own. */
function consumerOf(name?: string): Type<{ client: BalancedClientProxy }> {
  @Injectable()
  class Consumer {
    constructor(@BalancedClient(name) readonly client: BalancedClientProxy) {}
  }
  return Consumer;
}

const target = (client: BalancedClientProxy): string => client.snapshot().discovery.target;

describe('forRoot()', () => {
  it('makes the client of each service injectable by its name', async () => {
    const [Orders, Users] = [consumerOf('orders'), consumerOf('users')];
    const app = await start(
      [LoadBalancerModule.forRoot({ services: { orders: ORDERS, users: { target: USERS, timeout: 800 } } })],
      Orders,
      Users,
    );
    expect(app.get(Orders).client).toBeInstanceOf(BalancedClientProxy);
    expect(app.get(Orders).client.service).toBe('orders');
    expect(app.get(Users).client.service).toBe('users');
    expect(app.get(getBalancedClientToken('users'))).toBe(app.get(Users).client);
    expect(app.get(LoadBalancerRegistry).names()).toEqual(['orders', 'users']);
  });

  it('starts to connect when the application does, and closes with it', async () => {
    const Orders = consumerOf('orders');
    const app = await start([LoadBalancerModule.forRoot({ services: { orders: ORDERS } })], Orders);
    const { client } = app.get(Orders);
    expect(client.nodes()).toHaveLength(1);
    await app.close();
    expect(await failure(firstValueFrom(client.send('quote', 1)))).toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  it('reports every problem of the options at once, with their paths', async () => {
    const options = {
      services: { orders: { target: 'statik:///a:1' }, users: { target: USERS, tiemout: 1 } },
      defaults: { timeout: -1 },
    };
    const error = await failure(start([LoadBalancerModule.forRoot(options)]));
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
    expect(error.problems.map(({ path }: { path: string }) => path).sort()).toEqual([
      'defaults.timeout',
      'services.orders.target',
      'services.users.tiemout',
    ]);
    expect(error.message).toContain('timeout');
  });

  it.each([null, 7, { services: 'orders' }, { isGlobal: 'yes' }])('refuses %j', async (options) => {
    const root = LoadBalancerModule.forRoot(options as unknown as LoadBalancerModuleOptions);
    expect(await failure(start([root]))).toMatchObject({ code: 'INVALID_OPTIONS' });
  });

  it('refuses a strategy whose factory or class makes none', async () => {
    class Half {
      update = (): void => undefined;
    }
    const problemOf = async (strategy: unknown): Promise<string> => {
      const services = { orders: { target: ORDERS, strategy: strategy as StrategyFactory } };
      return (await failure(start([LoadBalancerModule.forRoot({ services })]))).message;
    };
    expect(await problemOf(Half)).toBe('services.orders.strategy: "Half" makes an object without pick()');
    expect(await problemOf(() => undefined)).toBe(
      'services.orders.strategy: "custom" makes undefined; expected an object with update(nodes) and pick(call)',
    );
  });

  it('says nothing of services when there is none: an app may want the context alone', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn');
    await start([LoadBalancerModule.forRoot()]);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('keeps its clients to the modules that import it, unless it is global', async () => {
    const Orders = consumerOf('orders');
    @Module({ providers: [Orders] })
    class Feature {}
    const services = { orders: ORDERS };
    expect(await failure(start([LoadBalancerModule.forRoot({ services }), Feature]))).toMatchObject({
      message: expect.stringContaining('BalancedClient(orders)'),
    });
    const app = await start([LoadBalancerModule.forRoot({ services, isGlobal: true }), Feature]);
    expect(app.get(Orders, { strict: false }).client.service).toBe('orders');
  });
});

describe('forRootAsync()', () => {
  const result: LoadBalancerAsyncResult = { services: { orders: ORDERS } };

  @Injectable()
  class Config {
    readonly target = USERS;
  }
  @Module({ providers: [Config], exports: [Config] })
  class ConfigModule {}

  @Injectable()
  class Options implements LoadBalancerOptionsFactory {
    createLoadBalancerOptions(): LoadBalancerAsyncResult {
      return result;
    }
  }
  @Module({ providers: [Options], exports: [Options] })
  class OptionsModule {}

  it('takes a factory, with what it injects, however long that takes', async () => {
    const [Orders, Default] = [consumerOf('orders'), consumerOf()];
    const app = await start(
      [
        LoadBalancerModule.forRootAsync({
          services: ['orders'],
          imports: [ConfigModule],
          inject: [Config],
          useFactory: async (config: Config) => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            return { services: { orders: config.target } };
          },
        }),
      ],
      Orders,
      Default,
    );
    expect(target(app.get(Orders).client)).toBe(USERS);
    expect(app.get(Default).client).toBe(app.get(Orders).client);
  });

  it('takes a class', async () => {
    const Orders = consumerOf('orders');
    const app = await start(
      [LoadBalancerModule.forRootAsync({ services: ['orders'], useClass: Options })],
      Orders,
    );
    expect(target(app.get(Orders).client)).toBe(ORDERS);
  });

  it('takes an existing provider', async () => {
    const Orders = consumerOf('orders');
    const app = await start(
      [
        LoadBalancerModule.forRootAsync({
          services: ['orders'],
          imports: [OptionsModule],
          useExisting: Options,
        }),
      ],
      Orders,
    );
    expect(target(app.get(Orders).client)).toBe(ORDERS);
  });

  it('wants exactly one of them', () => {
    expect(() => LoadBalancerModule.forRootAsync({ services: ['orders'] })).toThrow(
      'forRootAsync: expected exactly one of useFactory, useClass and useExisting, got 0',
    );
    expect(() => LoadBalancerModule.forRootAsync({ useClass: Options, inject: [Options] })).toThrow(
      'forRootAsync.inject: is for useFactory only; a class has a constructor',
    );
    expect(() => LoadBalancerModule.forRootAsync({ useClass: Options, useExisting: Options })).toThrow(
      'got 2',
    );
  });

  it.each([null, undefined, 7, []])('refuses %j', (options) => {
    expect(() =>
      LoadBalancerModule.forRootAsync(options as unknown as LoadBalancerModuleAsyncOptions),
    ).toThrow(/^forRootAsync: expected an object, got /);
  });

  it('reports every problem of its own options at once', () => {
    const options = { services: 'orders', usefactory: () => result, isGlobal: 1 };
    let error: unknown;
    try {
      LoadBalancerModule.forRootAsync(options as unknown as LoadBalancerModuleAsyncOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      problems: [
        { path: 'forRootAsync.services', message: 'expected a list of names, got "orders"' },
        { path: 'forRootAsync.usefactory', message: 'unknown option; did you mean "useFactory"?' },
        { path: 'forRootAsync.isGlobal', message: 'expected true or false, got 1' },
        { path: 'forRootAsync', message: expect.stringContaining('exactly one of useFactory') },
      ],
    });
  });

  it('takes isGlobal outside the factory, and refuses it from there', async () => {
    const Orders = consumerOf('orders');
    @Module({ providers: [Orders] })
    class Feature {}
    const services = ['orders'];
    const app = await start([
      LoadBalancerModule.forRootAsync({ services, useFactory: () => result, isGlobal: true }),
      Feature,
    ]);
    expect(app.get(Orders, { strict: false }).client.service).toBe('orders');
    const useFactory = (): LoadBalancerAsyncResult =>
      ({ ...result, isGlobal: true }) as LoadBalancerAsyncResult;
    expect(await failure(start([LoadBalancerModule.forRootAsync({ services, useFactory })]))).toMatchObject({
      message: 'isGlobal: given outside the factory: forRootAsync({ isGlobal })',
    });
  });

  it.each([null, undefined, 7])('refuses %j from the factory', async (returned) => {
    const useFactory = () => returned as unknown as LoadBalancerAsyncResult;
    const root = LoadBalancerModule.forRootAsync({ services: ['orders'], useFactory });
    expect(await failure(start([root]))).toMatchObject({ code: 'INVALID_OPTIONS' });
  });

  it('refuses a service that is listed twice', () => {
    expect(() =>
      LoadBalancerModule.forRootAsync({ services: ['orders', 'users', 'orders'], useFactory: () => result }),
    ).toThrow('forRootAsync.services[2]: "orders" is listed twice');
  });

  it('says so when the factory returns other services than were named', async () => {
    const more = { services: { orders: ORDERS, users: USERS } };
    expect(
      await failure(
        start([LoadBalancerModule.forRootAsync({ services: ['orders'], useFactory: () => more })]),
      ),
    ).toMatchObject({
      message: "services.users: is not among the names given to forRootAsync({ services: ['orders'] })",
    });
    expect(
      await failure(
        start([LoadBalancerModule.forRootAsync({ services: ['orders', 'user'], useFactory: () => more })]),
      ),
    ).toMatchObject({ code: 'INVALID_OPTIONS' });
    expect(
      await failure(
        start([LoadBalancerModule.forRootAsync({ services: ['orders', 'order'], useFactory: () => result })]),
      ),
    ).toMatchObject({ message: expect.stringMatching(/^services\.order: .*did you mean.*orders/) });
  });

  it('fails the start with what the factory throws', async () => {
    const useFactory = (): never => {
      throw new Error('no configuration');
    };
    expect(
      await failure(start([LoadBalancerModule.forRootAsync({ services: ['orders'], useFactory })])),
    ).toMatchObject({ message: 'no configuration' });
  });
});

describe('forFeature()', () => {
  it('declares services for one module, from the defaults of the root', async () => {
    const [Orders, Users] = [consumerOf('orders'), consumerOf('users')];
    const refuse = (): never => {
      throw new Error('the interceptor of the defaults');
    };
    @Module({ imports: [LoadBalancerModule.forFeature({ users: USERS })], providers: [Users] })
    class Feature {}
    const root = LoadBalancerModule.forRoot({
      services: { orders: { target: ORDERS, interceptors: [] } },
      defaults: { interceptors: [refuse] },
    });
    const app = await start([root, Feature], Orders);
    const { client } = app.get(Users, { strict: false });
    expect((await failure(firstValueFrom(client.send('who', 1)))).message).toBe(
      'the interceptor of the defaults',
    );
    expect(app.get(LoadBalancerRegistry).names().sort()).toEqual(['orders', 'users']);
  });

  it('works beside the root in one module, whatever the order', async () => {
    const Users = consumerOf('users');
    const root = LoadBalancerModule.forRoot({ services: { orders: ORDERS } });
    const feature = LoadBalancerModule.forFeature({ users: USERS });
    for (const imports of [
      [root, feature],
      [feature, root],
    ]) {
      const app = await start(imports, Users);
      expect(app.get(Users).client.service).toBe('users');
    }
  });

  it('works without a root', async () => {
    const Users = consumerOf('users');
    const app = await start([LoadBalancerModule.forFeature({ users: USERS })], Users);
    expect(app.get(Users).client.service).toBe('users');
  });

  it('works with a root whose options come late', async () => {
    const Users = consumerOf('users');
    const useFactory = async (): Promise<LoadBalancerAsyncResult> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { services: { orders: ORDERS }, defaults: { minReady: 3 } };
    };
    const app = await start(
      [
        LoadBalancerModule.forRootAsync({ services: ['orders'], useFactory }),
        LoadBalancerModule.forFeature({ users: USERS }),
      ],
      Users,
    );
    expect(app.get(Users).client.snapshot().minReady).toBe(3);
  });

  it('refuses a service that another module has declared', async () => {
    const root = LoadBalancerModule.forRoot({ services: { orders: ORDERS } });
    expect(await failure(start([root, LoadBalancerModule.forFeature({ orders: ORDERS })]))).toMatchObject({
      message: 'services.orders: is declared twice, in two modules',
    });
  });
});

describe('two roots', () => {
  const root = (port: number) =>
    LoadBalancerModule.forRoot({ services: { [`s${port}`]: `static:///127.0.0.1:${port}` } });
  const message =
    'LoadBalancerModule: forRoot() or forRootAsync() is imported 2 times in one application; ' +
    'import it once, and forFeature() for the services of other modules';

  it('in one application fail the start, and no factory is called', async () => {
    @Module({ imports: [root(2)] })
    class Feature {}
    expect(await failure(start([root(1), Feature]))).toMatchObject({ code: 'INVALID_OPTIONS', message });
    let called = 0;
    const useFactory = (): LoadBalancerAsyncResult => {
      called++;
      return { services: { s1: ORDERS } };
    };
    const late = LoadBalancerModule.forRootAsync({ services: ['s1'], useFactory });
    for (const imports of [
      [root(1), late],
      [late, root(1)],
    ]) {
      expect(await failure(start(imports))).toMatchObject({ message });
    }
    expect(called).toBe(0);
  });

  it('are one when two modules import the same', async () => {
    const shared = root(1);
    const Client = consumerOf('s1');
    @Module({ imports: [shared], providers: [Client] })
    class Feature {}
    const app = await start([shared, Feature]);
    expect(app.get(Client, { strict: false }).client.service).toBe('s1');
  });

  it('are right in two applications of one process, at once and one after the other', async () => {
    const [first, second] = await Promise.all([start([root(1)]), start([root(2)])]);
    expect(first.get(LoadBalancerRegistry).names()).toEqual(['s1']);
    expect(second.get(LoadBalancerRegistry).names()).toEqual(['s2']);
    await first.close();
    const third = await start([root(1)]);
    expect(third.get(LoadBalancerRegistry).names()).toEqual(['s1']);
    expect(second.get(LoadBalancerRegistry).names()).toEqual(['s2']);
  });
});

describe('@BalancedClient() without a name', () => {
  it('is the only service', async () => {
    const Default = consumerOf();
    const app = await start([LoadBalancerModule.forRoot({ services: { orders: ORDERS } })], Default);
    expect(app.get(Default).client.service).toBe('orders');
  });

  it('is the one named "default" among several', async () => {
    const Default = consumerOf();
    const app = await start(
      [LoadBalancerModule.forRoot({ services: { orders: ORDERS, default: USERS } })],
      Default,
    );
    expect(app.get(Default).client.service).toBe('default');
  });

  it('fails the start when it is not clear which one is meant', async () => {
    const root = LoadBalancerModule.forRoot({ services: { orders: ORDERS, users: USERS } });
    expect(await failure(start([root], consumerOf()))).toMatchObject({
      code: 'INVALID_OPTIONS',
      message:
        '@BalancedClient() in Consumer: there are several services (orders, users) and none is named "default"; name one',
    });
    // Nobody asks for it here.
    await start([LoadBalancerModule.forRoot({ services: { orders: ORDERS, users: USERS } })]);
  });

  it('fails the start when there is no service', async () => {
    expect(await failure(start([LoadBalancerModule.forRoot()], consumerOf()))).toMatchObject({
      message: expect.stringMatching(/^@BalancedClient\(\) in Consumer: no service is declared/),
    });
  });
});

describe('a name that nobody has declared', () => {
  it('fails the start with the names there are and the one that was meant', async () => {
    const root = LoadBalancerModule.forRoot({ services: { orders: ORDERS, users: USERS } });
    const error = await failure(start([root], consumerOf('ordres')));
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
    expect(error.message).toMatch(
      /^@BalancedClient\('ordres'\) in Consumer: there is no service "ordres"; known are .*orders.*did you mean "?orders/,
    );
  });

  // Names of their own: the message is for those that no application of the process has declared.
  it.each<[unknown, string, string]>([
    [{ service: { orders: ORDERS } }, 'service', 'unheard-of'],
    [{ isGlobal: 'yes' }, 'isGlobal', 'unheard-of'],
    [{ services: { nowhere: ORDERS }, isGlobal: 'yes' }, 'isGlobal', 'nowhere'],
    [null, 'options', 'unheard-of'],
  ])('does not hide what is wrong with the options %j', async (options, path, unknown) => {
    const root = () => LoadBalancerModule.forRoot(options as LoadBalancerModuleOptions);
    const told = { code: 'INVALID_OPTIONS', problems: [{ path, message: expect.any(String) }] };
    for (const name of [unknown, undefined]) {
      expect(await failure(start([root()], consumerOf(name)))).toMatchObject(told);
    }
    const feature = LoadBalancerModule.forFeature({ users: USERS });
    expect(await failure(start([feature, root()], consumerOf(unknown)))).toMatchObject(told);
  });

  it('harms nobody who does not ask for it', async () => {
    consumerOf('never-declared');
    const Orders = consumerOf('orders');
    const app = await start([LoadBalancerModule.forRoot({ services: { orders: ORDERS } })], Orders);
    expect(app.get(Orders).client.service).toBe('orders');
  });
});

describe('the environment', () => {
  it('declares services and overrides their targets', async () => {
    setVariable('LB_TARGET_ORDERS', 'static:///127.0.0.1:11');
    setVariable('LB_TARGET_BILLING', 'static:///127.0.0.1:12');
    const [Orders, Billing] = [consumerOf('orders'), consumerOf('billing')];
    const app = await start([LoadBalancerModule.forRoot({ services: { orders: ORDERS } })], Orders, Billing);
    expect(target(app.get(Orders).client)).toBe('static:///127.0.0.1:11');
    expect(target(app.get(Billing).client)).toBe('static:///127.0.0.1:12');
  });

  it('is enough', async () => {
    setVariable('LB_TARGET_CATALOGUE', ORDERS);
    const Default = consumerOf();
    const app = await start([LoadBalancerModule.forRoot()], Default);
    expect(app.get(Default).client.service).toBe('catalogue');
  });

  it('is read when the application is made, not before', async () => {
    const root = LoadBalancerModule.forRoot();
    setVariable('LB_TARGET_CATALOGUE', ORDERS);
    const app = await start([root], consumerOf('catalogue'));
    expect(app.get(LoadBalancerRegistry).names()).toEqual(['catalogue']);
  });

  it('declares services for options that come late, too', async () => {
    setVariable('LB_TARGET_BILLING', 'static:///127.0.0.1:12');
    const Billing = consumerOf('billing');
    const useFactory = (): LoadBalancerAsyncResult => ({ services: { orders: ORDERS } });
    const app = await start([LoadBalancerModule.forRootAsync({ services: ['orders'], useFactory })], Billing);
    expect(target(app.get(Billing).client)).toBe('static:///127.0.0.1:12');
  });

  it('overrides the target of a feature', async () => {
    setVariable('LB_TARGET_SHIPPING', 'static:///127.0.0.1:13');
    const Shipping = consumerOf('shipping');
    // The root is declared first, when the feature is not known yet.
    const root = LoadBalancerModule.forRoot({ services: { orders: ORDERS } });
    const app = await start([root, LoadBalancerModule.forFeature({ shipping: USERS })], Shipping);
    expect(target(app.get(Shipping).client)).toBe('static:///127.0.0.1:13');
    expect(app.get(LoadBalancerRegistry).names().sort()).toEqual(['orders', 'shipping']);
  });
});

describe('two applications of one process', () => {
  const feature = () => LoadBalancerModule.forFeature({ parcels: USERS });

  it('have their own services: a variable that means the feature of one declares a service in the other', async () => {
    setVariable('LB_TARGET_PARCELS', 'static:///127.0.0.1:13');
    const root = LoadBalancerModule.forRoot();
    const Parcels = consumerOf('parcels');
    const first = await start([root, feature()], Parcels);
    expect(target(first.get(Parcels).client)).toBe('static:///127.0.0.1:13');
    const second = await start([root], Parcels);
    expect(target(second.get(Parcels).client)).toBe('static:///127.0.0.1:13');
    expect(second.get(Parcels).client).not.toBe(first.get(Parcels).client);
    for (const app of [first, second]) expect(app.get(LoadBalancerRegistry).names()).toEqual(['parcels']);
  });

  it('of the same modules have the services that the environment declares when each is made', async () => {
    const root = LoadBalancerModule.forRoot();
    expect((await start([root])).get(LoadBalancerRegistry).names()).toEqual([]);
    setVariable('LB_TARGET_LATER', ORDERS);
    const Later = consumerOf('later');
    expect((await start([root], Later)).get(Later).client.service).toBe('later');
  });
});

describe('a variable that means the service of a feature', () => {
  beforeEach(() => setVariable('LB_TARGET_USER_PROFILE', 'static:///127.0.0.1:13'));
  const root = (options?: LoadBalancerModuleOptions) => LoadBalancerModule.forRoot(options);
  const feature = (timeout = 800) =>
    LoadBalancerModule.forFeature({ userProfile: { target: USERS, timeout, minReady: 3 } });

  it('makes no second client: whoever sees root and feature gets the one of the feature, with its options', async () => {
    const [Profile, Kebab] = [consumerOf('userProfile'), consumerOf('user-profile')];
    for (const imports of [
      [root({ isGlobal: true }), feature()],
      [feature(), root({ isGlobal: true })],
    ]) {
      const app = await start(imports, Profile, Kebab);
      const { client } = app.get(Profile);
      expect(target(client)).toBe('static:///127.0.0.1:13');
      expect(client.snapshot().minReady).toBe(3);
      expect(app.get(Kebab).client).toBe(client);
      expect(app.get(LoadBalancerRegistry).names()).toEqual(['userProfile']);
    }
  });

  it('leaves the root its only service', async () => {
    const Default = consumerOf();
    @Module({ imports: [feature()] })
    class Feature {}
    const app = await start([root({ services: { orders: ORDERS } }), Feature], Default);
    expect(app.get(Default).client.service).toBe('orders');
  });

  it('is warned of once', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    await start([root(), feature()]);
    expect(warn.mock.calls.filter(([message]) => String(message).includes('minReady'))).toHaveLength(1);
    warn.mockRestore();
  });

  it('does not hide what is wrong with the feature', async () => {
    expect(await failure(start([root(), feature(-1)]))).toMatchObject({
      problems: [{ path: 'services.userProfile.timeout', message: expect.any(String) }],
    });
  });

  it('gives way to a double in tests, and connects nobody', async () => {
    setVariable('LB_TARGET_PARCELS', 'static:///127.0.0.1:13');
    const Parcels = consumerOf('parcels');
    const app = await Test.createTestingModule({
      imports: [root(), LoadBalancerModule.forFeature({ parcels: USERS })],
      providers: [Parcels],
    })
      .overrideProvider(getBalancedClientToken('parcels'))
      .useValue('a double')
      .compile();
    closing.push(() => app.close());
    expect(app.get(Parcels).client).toBe('a double');
    expect(app.get(LoadBalancerRegistry).names()).toEqual(['user-profile']);
  });
});

describe('in tests', () => {
  it('a double takes the place of a client', async () => {
    const [Orders, Default] = [consumerOf('orders'), consumerOf()];
    const double = { send: () => of('from the double') };
    const app = await Test.createTestingModule({
      imports: [LoadBalancerModule.forRoot({ services: { orders: ORDERS } })],
      providers: [Orders, Default],
    })
      .overrideProvider(getBalancedClientToken('orders'))
      .useValue(double)
      .compile();
    closing.push(() => app.close());
    expect(app.get(Orders).client).toBe(double);
    expect(app.get(Default).client).toBe(double);
  });
});

describe('an application', () => {
  let app: NestApplicationContext;

  @Module({
    imports: [LoadBalancerModule.forRoot({ services: { orders: ORDERS } })],
    providers: [consumerOf('orders')],
  })
  class AppModule {}

  beforeEach(async () => {
    app = (await NestFactory.createApplicationContext(AppModule, {
      logger: false,
    })) as NestApplicationContext;
  });
  afterEach(() => app.close());

  it('starts though no node can be reached', async () => {
    const client = app.get<BalancedClientProxy>(getBalancedClientToken('orders'));
    expect(await failure(firstValueFrom(client.send('quote', 1)))).toMatchObject({ code: 'NO_NODES' });
  });
});
