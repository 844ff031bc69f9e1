/** What people read who have set something up wrongly: one clear message for each mistake. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { DynamicModule, INestApplicationContext, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  BalancedClient,
  BalancedClientProxy,
  InvalidOptionsError,
  LoadBalancerModule,
} from 'nestjs-load-balancer';
import { Child } from './support/child.js';

const NOWHERE = 'static:///127.0.0.1:9';

const apps: INestApplicationContext[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function start(
  imports: (DynamicModule | Type)[],
  providers: Type[] = [],
): Promise<INestApplicationContext> {
  @Module({ imports, providers })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  apps.push(app);
  return app;
}

/** The message that keeps the app from starting, or that `forRoot…()` throws when it is called. */
async function messageOf(
  declare: () => DynamicModule | DynamicModule[],
  ...providers: Type[]
): Promise<string> {
  try {
    await start([declare()].flat(), providers);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    return (error as Error).message;
  }
  throw new Error('the app has started');
}

const messageFor = (options: object): Promise<string> => messageOf(() => LoadBalancerModule.forRoot(options));

describe('a name that nobody has declared', () => {
  it.each([
    { nest: 12, first: 'class' },
    { nest: 12, first: 'module' },
    { nest: 11, first: 'class' },
    { nest: 11, first: 'module' },
  ] as const)(
    'is named with the class that asks for it: Nest $nest, the $first loaded first',
    async (config) => {
      const child = new Child('misconfigured.mjs', config);

      expect(await child.status()).toBe(1);
      expect(child.output).toContain(
        `InvalidOptionsError: @BalancedClient('orderz') in OrderPage: ` +
          `there is no service "orderz"; known are orders, users; did you mean "orders"?\n`,
      );
    },
  );

  it('is no mistake when another module declares it, whichever comes first', async () => {
    class Page {
      constructor(
        @BalancedClient('catalogue') readonly catalogue: BalancedClientProxy,
        @BalancedClient('payments') readonly payments: BalancedClientProxy,
        @BalancedClient('stock') readonly stock: BalancedClientProxy,
      ) {}
    }

    const app = await start(
      [
        LoadBalancerModule.forRoot({ services: { catalogue: NOWHERE } }),
        LoadBalancerModule.forFeature({ payments: NOWHERE }),
        LoadBalancerModule.forFeature({ stock: NOWHERE }),
      ],
      [Page],
    );

    const { catalogue, payments, stock } = app.get(Page);
    expect([catalogue.service, payments.service, stock.service]).toEqual(['catalogue', 'payments', 'stock']);
  });
});

describe('a client without a name', () => {
  class Page {
    constructor(@BalancedClient() readonly client: BalancedClientProxy) {}
  }

  it('of several lists them', async () => {
    const services = { orders: NOWHERE, users: NOWHERE };

    expect(await messageOf(() => LoadBalancerModule.forRoot({ services }), Page)).toBe(
      '@BalancedClient() in Page: there are several services (orders, users) and none is named "default"; name one',
    );
  });

  it('of none says how to declare one', async () => {
    expect(await messageOf(() => LoadBalancerModule.forRoot(), Page)).toBe(
      '@BalancedClient() in Page: no service is declared; give forRoot() one, or set LB_TARGET_<NAME>',
    );
  });

  it.each([[['only']], [['orders', 'default']]])('is the only one, or the default: %j', async (names) => {
    const services = Object.fromEntries(names.map((name) => [name, NOWHERE]));
    const app = await start([LoadBalancerModule.forRoot({ services })], [Page]);

    expect(app.get(Page).client.service).toBe(names.at(-1));
  });
});

describe('a service', () => {
  it('of an unknown scheme is told of those there are', async () => {
    expect(await messageFor({ services: { orders: 'statik:///127.0.0.1:4001' } })).toBe(
      'services.orders.target: unknown scheme in "statik:///127.0.0.1:4001" (known: static://, file://, dns://, dns+srv://, etcd://, consul://, k8s://); did you mean "static"?',
    );
  });

  it.each([
    [
      'static:///127.0.0.1:70000',
      'services.orders.target: #0: port out of range: 70000 (1–65535), in "static:///127.0.0.1:70000"',
    ],
    [
      [{ host: '127.0.0.1', port: 70_000 }],
      'services.orders.target[0].port: port out of range: 70000 (1–65535)',
    ],
  ])('on a port out of range is told the range: %j', async (target, message) => {
    expect(await messageFor({ services: { orders: { target } } })).toBe(message);
  });

  it('without a target is told what one is', async () => {
    expect(await messageFor({ services: { orders: {} } })).toBe(
      'services.orders.target: missing; expected a target URI or a list of endpoints (or the variable LB_TARGET_ORDERS)',
    );
  });

  it('with nodes and no scheme is told the target that was meant', async () => {
    expect(await messageFor({ services: { orders: '10.0.0.1:4001,10.0.0.2:4001' } })).toBe(
      'services.orders.target: expected a URI; did you mean "static:///10.0.0.1:4001,10.0.0.2:4001"?',
    );
  });

  it('with an unknown option is told the one that was meant', async () => {
    expect(await messageFor({ services: { orders: { target: NOWHERE, tiemout: 300 } } })).toBe(
      'services.orders.tiemout: unknown option; did you mean "timeout"?',
    );
  });

  it('declared in two modules is named', async () => {
    const declare = (): DynamicModule[] => [
      LoadBalancerModule.forRoot({ services: { orders: NOWHERE } }),
      LoadBalancerModule.forFeature({ orders: NOWHERE }),
    ];
    expect(await messageOf(declare)).toBe('services.orders: is declared twice, in two modules');
  });

  it('listed twice in forRootAsync is named', async () => {
    const declare = (): DynamicModule =>
      LoadBalancerModule.forRootAsync({
        services: ['orders', 'users', 'orders'],
        useFactory: () => ({ services: {} }),
      });
    expect(await messageOf(declare)).toBe('forRootAsync.services[2]: "orders" is listed twice');
  });

  it('that forRootAsync was not told of before is named, as is one that its factory does not return', async () => {
    const declare = (services: string[]) => (): DynamicModule =>
      LoadBalancerModule.forRootAsync({ services, useFactory: () => ({ services: { orders: NOWHERE } }) });
    expect(await messageOf(declare([]))).toBe(
      'services.orders: is not among the names given to forRootAsync({ services: [] })',
    );
    expect(await messageOf(declare(['orders', 'users']))).toBe(
      'services.users: named in forRootAsync({ services }), but its options do not have it; they have orders',
    );
  });
});

describe('several mistakes at once', () => {
  it('are told together, each with its path', async () => {
    const options = {
      defaults: { timeout: -1 },
      services: {
        orders: { target: NOWHERE, strategy: 'round-robbin', healthCheck: { intervall: 1_000 } },
        users: { target: 'file://relative/nodes.json', connection: { connectTimeout: 0 } },
      },
    };
    expect(await messageFor(options)).toBe(
      [
        `5 problems with the load balancer's options:`,
        '  - defaults.timeout: expected a number ≥ 0 (milliseconds), got -1',
        '  - services.orders.healthCheck.intervall: unknown option; did you mean "interval"?',
        '  - services.orders.strategy: unknown strategy "round-robbin"; did you mean "round-robin"?',
        '  - services.users.connection.connectTimeout: expected a number ≥ 1 (milliseconds), got 0',
        '  - services.users.target: expected an absolute path after file:// (file:///etc/lb/orders.json), ' +
          'in "file://relative/nodes.json"; did you mean "file:///relative/nodes.json"?',
      ].join('\n'),
    );
  });
});
