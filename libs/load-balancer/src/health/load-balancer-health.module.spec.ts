import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Logger,
  Module,
  SetMetadata,
  VersioningType,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, Reflector, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { LoadBalancerRegistry } from '../client/registry.js';
import type { NodeSnapshot, NodeStatus, ServiceSnapshot } from '../cluster/snapshot.js';
import { LoadBalancerHealthIndicator, LoadBalancerHealthModule } from '../health.js';
import { LoadBalancerCoreModule } from '../module/load-balancer-core.module.js';
import { LoadBalancerModule } from '../module/load-balancer.module.js';

function node(port: number, status: NodeStatus, reason = 'because'): NodeSnapshot {
  return {
    key: `10.0.0.1:${port}`,
    endpoint: {
      host: '10.0.0.1',
      port,
      weight: 1,
      zone: undefined,
      priority: 0,
      draining: false,
      metadata: {},
    },
    status,
    reason,
    since: new Date(0),
    ejectedUntil: undefined,
    inFlight: 0,
    calls: 0,
    failures: 0,
    latency: undefined,
    load: undefined,
  };
}

const UP: ServiceSnapshot = {
  name: 'users',
  status: 'up',
  ready: 2,
  total: 2,
  known: 2,
  minReady: 1,
  panic: false,
  places: [{ priority: 0, zone: undefined, share: 1, nodes: 2 }],
  discovery: {
    target: 'static:///10.0.0.1:1,10.0.0.1:2',
    state: 'ok',
    lastSuccess: new Date(0),
    age: 0,
    error: undefined,
    warning: undefined,
    targets: [],
  },
  nodes: [node(1, 'ready'), node(2, 'ready')],
};
const DEGRADED: ServiceSnapshot = {
  ...UP,
  name: 'orders',
  status: 'degraded',
  ready: 1,
  nodes: [node(1, 'ready'), node(2, 'disconnected', 'connect ECONNREFUSED 10.0.0.1:2')],
};
/** Opened lazily: one node is connected, the others will be when they are picked. */
const LAZY: ServiceSnapshot = {
  ...UP,
  nodes: [node(1, 'ready'), node(2, 'idle', 'not connected yet')],
};
const DOWN: ServiceSnapshot = {
  ...DEGRADED,
  status: 'down',
  ready: 0,
  panic: true,
  nodes: [node(1, 'unhealthy', '2 probes in a row failed: no answer within 500 ms'), node(2, 'connecting')],
};

const apps: INestApplication[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

let platform: () => AbstractHttpAdapter = () => new ExpressAdapter();

type Import = Type<unknown> | DynamicModule;

async function start(
  imports: Import[],
  services: ServiceSnapshot[],
  prepare: (app: INestApplication) => unknown = () => undefined,
): Promise<string> {
  const testing = await Test.createTestingModule({ imports }).compile();
  const app = testing.createNestApplication(platform());
  apps.push(app);
  prepare(app);
  const registry = app.get(LoadBalancerRegistry, { strict: false });
  for (const service of services) registry.add({ service: service.name, snapshot: () => service });
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

async function get(url: string): Promise<{ code: number; body: any; cacheControl: string | null }> {
  const response = await fetch(url);
  return {
    code: response.status,
    body: await response.json(),
    cacheControl: response.headers.get('cache-control'),
  };
}

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('LoadBalancerHealthModule on %s', (_name, adapter) => {
  beforeEach(() => {
    platform = adapter;
  });

  it('answers 200 with every service and node while all are up', async () => {
    const url = await start([LoadBalancerHealthModule], [UP]);
    const { code, body, cacheControl } = await get(`${url}/health`);
    expect(code).toBe(200);
    expect(cacheControl).toBe('no-store');
    expect(body).toMatchObject({ status: 'up', services: { users: { status: 'up', ready: 2, total: 2 } } });
    expect(body.services.users.nodes).toHaveLength(2);
    expect(await get(`${url}/health/ready`)).toEqual({
      code: 200,
      body: { status: 'ready' },
      cacheControl: 'no-store',
    });
  });

  it('answers 200 `degraded` while a node is missing, and tells which and why', async () => {
    const url = await start([LoadBalancerHealthModule], [UP, DEGRADED]);
    const { code, body } = await get(`${url}/health`);
    expect(code).toBe(200);
    expect(body.status).toBe('degraded');
    expect(body.services.orders.nodes[1]).toMatchObject({
      key: '10.0.0.1:2',
      status: 'disconnected',
      reason: 'connect ECONNREFUSED 10.0.0.1:2',
      since: '1970-01-01T00:00:00.000Z',
    });
    expect((await get(`${url}/health/ready`)).code).toBe(200);
  });

  it('answers 503 while a service is down, stays alive, and logs nothing', async () => {
    const output = [
      jest.spyOn(process.stdout, 'write').mockReturnValue(true),
      jest.spyOn(process.stderr, 'write').mockReturnValue(true),
    ];
    try {
      const url = await start([LoadBalancerHealthModule], [UP, DOWN], (app) => {
        app.useLogger(new Logger());
      });
      for (const write of output) write.mockClear();
      const { code, body, cacheControl } = await get(`${url}/health`);
      expect(code).toBe(503);
      expect(cacheControl).toBe('no-store');
      expect(body).toMatchObject({
        status: 'down',
        services: { users: { status: 'up' }, orders: { status: 'down', panic: true } },
      });
      expect(await get(`${url}/health/ready`)).toMatchObject({
        code: 503,
        body: { status: 'not-ready', reasons: ['orders: 0 of 2 nodes are ready, 1 needed'] },
      });
      expect(await get(`${url}/health/live`)).toMatchObject({ code: 200, body: { status: 'up' } });
      for (const write of output) expect(write.mock.calls).toEqual([]);
    } finally {
      for (const write of output) write.mockRestore();
    }
  });

  it('is up when there is nothing to balance', async () => {
    const url = await start([LoadBalancerHealthModule], []);
    expect(await get(`${url}/health`)).toMatchObject({ code: 200, body: { status: 'up', services: {} } });
  });

  it('is not ready while the application shuts down, and still alive', async () => {
    const answers: unknown[] = [];
    let url = '';
    @Injectable()
    class SlowToStop {
      async beforeApplicationShutdown(): Promise<void> {
        for (const route of ['ready', 'live']) answers.push(await get(`${url}/health/${route}`));
      }
    }
    @Module({ imports: [LoadBalancerHealthModule], providers: [SlowToStop] })
    class AppModule {}

    url = await start([AppModule], [UP]);
    await apps.pop()!.close();
    expect(answers).toMatchObject([
      { code: 503, body: { status: 'shutting-down' } },
      { code: 200, body: { status: 'up' } },
    ]);
  });

  describe('details', () => {
    it("are never shown with 'never', the status codes stay", async () => {
      const url = await start([LoadBalancerHealthModule.forRoot({ details: 'never' })], [DOWN]);
      expect(await get(`${url}/health`)).toMatchObject({ code: 503, body: { status: 'down' } });
      const both = [await get(`${url}/health`), await get(`${url}/health/ready`)];
      expect(both.map(({ body }) => body)).toEqual([{ status: 'down' }, { status: 'not-ready' }]);
    });

    it('are shown to the requests that a function lets through', async () => {
      const module = LoadBalancerHealthModule.forRoot({
        details: async (request) => request.headers['x-ops'] === 'yes',
      });
      const url = await start([module], [UP]);
      const open = await fetch(`${url}/health`, { headers: { 'x-ops': 'yes' } });
      expect(Object.keys((await open.json()) as object)).toEqual(['status', 'services']);
      expect((await get(`${url}/health`)).body).toEqual({ status: 'up' });
    });

    it('are not shown when the function throws, or returns anything but true', async () => {
      const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      const broken = await start(
        [
          LoadBalancerHealthModule.forRoot({
            details: () => {
              throw new Error('no such header');
            },
          }),
        ],
        [UP],
      );
      expect(await get(`${broken}/health`)).toMatchObject({ code: 200, body: { status: 'up' } });
      expect((await get(`${broken}/health`)).body).not.toHaveProperty('services');
      expect(logged.mock.calls[0]).toEqual([
        '`details` threw, so they are not shown',
        expect.stringContaining('no such header'),
      ]);
      logged.mockRestore();
      const truthy = await start(
        [LoadBalancerHealthModule.forRoot({ details: (() => ({})) as never })],
        [UP],
      );
      expect((await get(`${truthy}/health`)).body).toEqual({ status: 'up' });
    });
  });

  describe('routes', () => {
    it('start at the given path', async () => {
      const url = await start([LoadBalancerHealthModule.forRoot({ path: 'internal/lb' })], [UP]);
      for (const route of ['', '/live', '/ready'])
        expect((await get(`${url}/internal/lb${route}`)).code).toBe(200);
      expect((await get(`${url}/health`)).code).toBe(404);
    });

    it('follow a global prefix like any controller, and can be excluded from it', async () => {
      const inside = await start([LoadBalancerHealthModule], [UP], (app) => app.setGlobalPrefix('api'));
      expect((await get(`${inside}/api/health/live`)).code).toBe(200);
      expect((await fetch(`${inside}/health/live`)).status).toBe(404);
      const outside = await start([LoadBalancerHealthModule], [UP], (app) =>
        app.setGlobalPrefix('api', { exclude: ['health', 'health/*path'] }),
      );
      for (const route of ['', '/live', '/ready'])
        expect((await get(`${outside}/health${route}`)).code).toBe(200);
    });

    it('keep their path when the API has versions', async () => {
      const url = await start([LoadBalancerHealthModule], [UP], (app) =>
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
      );
      expect((await get(`${url}/health`)).code).toBe(200);
    });

    it('can be taken out of a global guard with a decorator', async () => {
      @Injectable()
      class ClosedGuard implements CanActivate {
        constructor(private readonly reflector: Reflector) {}
        canActivate(context: ExecutionContext): boolean {
          return (
            this.reflector.getAllAndOverride('public', [context.getHandler(), context.getClass()]) === true
          );
        }
      }
      const guarded = (health: Import): Import => {
        @Module({ imports: [health], providers: [{ provide: APP_GUARD, useClass: ClosedGuard }] })
        class AppModule {}
        return AppModule;
      };
      const closed = await start([guarded(LoadBalancerHealthModule)], [UP]);
      expect((await get(`${closed}/health`)).code).toBe(403);
      const open = LoadBalancerHealthModule.forRoot({ decorators: [SetMetadata('public', true)] });
      expect((await get(`${await start([guarded(open)], [UP])}/health`)).code).toBe(200);
    });
  });
});

describe('LoadBalancerHealthIndicator in the Terminus controller of an application', () => {
  async function startTerminus(services: ServiceSnapshot[], names?: string[]): Promise<string> {
    @Controller('health')
    class HealthController {
      constructor(
        private readonly health: HealthCheckService,
        private readonly balancer: LoadBalancerHealthIndicator,
      ) {}

      @Get()
      @HealthCheck()
      check() {
        return this.health.check([
          () => this.balancer.isHealthy('balancer', names ? { services: names } : {}),
        ]);
      }
    }
    @Module({
      imports: [TerminusModule.forRoot({ logger: false }), LoadBalancerCoreModule],
      controllers: [HealthController],
      providers: [LoadBalancerHealthIndicator],
    })
    class AppModule {}
    return `${await start([AppModule], services)}/health`;
  }

  it('is up with the numbers of each service', async () => {
    expect(await get(await startTerminus([UP]))).toMatchObject({
      code: 200,
      body: {
        status: 'ok',
        details: {
          balancer: { status: 'up', services: { users: { status: 'up', ready: 2, total: 2, minReady: 1 } } },
        },
      },
    });
  });

  it('is degraded, which fails no check, and names the nodes that are missing', async () => {
    const { code, body } = await get(await startTerminus([UP, DEGRADED]));
    expect(code).toBe(200);
    expect(body.status).toBe('degraded');
    expect(body.details.balancer.status).toBe('degraded');
    expect(body.details.balancer.services.orders.notReady).toEqual({
      '10.0.0.1:2': 'disconnected: connect ECONNREFUSED 10.0.0.1:2',
    });
  });

  it('counts nodes that are not connected yet among the ready ones, since calls can go to them', async () => {
    const { body } = await get(await startTerminus([LAZY]));
    expect(body.details.balancer.services.users).toEqual({ status: 'up', ready: 2, total: 2, minReady: 1 });
  });

  it('is down with 503 when a service is', async () => {
    const { code, body } = await get(await startTerminus([UP, DOWN]));
    expect(code).toBe(503);
    expect(body.error.balancer).toMatchObject({
      status: 'down',
      services: { users: { status: 'up' }, orders: { status: 'down', ready: 0, panic: true } },
    });
  });

  it('looks at the services it was given only, and is down for a name that does not exist', async () => {
    expect((await get(await startTerminus([UP, DOWN], ['users']))).code).toBe(200);
    const { code, body } = await get(await startTerminus([UP, DOWN], ['user']));
    expect(code).toBe(503);
    expect(body.error.balancer.services.user).toMatchObject({
      status: 'down',
      error: 'no balanced client has this name; there are: users, orders',
    });
  });

  it('lists ten of many missing nodes, and what discovery suffers from', async () => {
    const many: ServiceSnapshot = {
      ...DOWN,
      total: 5_000,
      discovery: { ...DOWN.discovery, state: 'failing', error: 'ENOTFOUND orders.internal' },
      nodes: Array.from({ length: 5_000 }, (_, i) => node(i + 1, 'disconnected')),
    };
    const { body } = await get(await startTerminus([many]));
    expect(Object.keys(body.error.balancer.services.orders.notReady)).toHaveLength(10);
    expect(body.error.balancer.services.orders.error).toBe('discovery: ENOTFOUND orders.internal');
  });
});

describe('LoadBalancerHealthModule imported by the module of a Terminus controller', () => {
  @Controller('own-health')
  class HealthController {
    constructor(
      private readonly health: HealthCheckService,
      private readonly loadBalancer: LoadBalancerHealthIndicator,
    ) {}

    @Get()
    @HealthCheck()
    check() {
      return this.health.check([() => this.loadBalancer.isHealthy('upstreams', { services: ['users'] })]);
    }
  }

  it.each([
    ['as it is', LoadBalancerHealthModule],
    ['with options', LoadBalancerHealthModule.forRoot({ details: 'never' })],
  ])('gives it the indicator, beside its own routes (%s)', async (_how, health: Import) => {
    @Module({ imports: [TerminusModule, health], controllers: [HealthController] })
    class HealthModule {}
    @Module({ imports: [LoadBalancerModule.forRoot(), HealthModule] })
    class AppModule {}
    const url = await start([AppModule], [UP]);
    expect(await get(`${url}/own-health`)).toMatchObject({
      code: 200,
      body: { details: { upstreams: { status: 'up', services: { users: { ready: 2 } } } } },
    });
    expect((await get(`${url}/health`)).body.status).toBe('up');
  });

  it('serves its routes in an application that has no Terminus of its own', async () => {
    const url = await start([LoadBalancerModule.forRoot(), LoadBalancerHealthModule], [UP]);
    expect((await get(`${url}/health/ready`)).body).toEqual({ status: 'ready' });
  });
});
