import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  BalancedTcpServer,
  getBalancedClientToken,
  LoadBalancerModule,
  type BalancedClientProxy,
} from 'nestjs-load-balancer';
import { LoadBalancerHealthModule, type HealthReport } from 'nestjs-load-balancer/health';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { freePort } from '../support/ports.js';
import { sum, TestModule } from '../support/test-controller.js';
import { ConsulAgent } from './support/consul.js';
import { whyNoConsul } from './support/consul-package.js';

/** Milliseconds to wait for what takes a few seconds at most. */
const PATIENCE = 20_000;

interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

const missing = whyNoConsul();
/** One application, as it is deployed: it serves, registers itself, calls the service, and is asked for its health over HTTP. */
(missing === undefined ? describe : describe.skip)('/health of a provider that registers with Consul', () => {
  let agent: ConsulAgent;
  let app: INestApplication;
  let url: string;
  let target: string;
  let address: string;

  beforeAll(async () => {
    agent = await ConsulAgent.start();
    await agent.kill();
    target = `consul://${agent.address}/orders`;
    const port = await freePort();
    address = `127.0.0.1:${port}`;

    @Module({
      imports: [
        TestModule,
        LoadBalancerModule.forRoot({ services: { orders: target } }),
        LoadBalancerHealthModule.forRoot(),
      ],
    })
    class AppModule {}

    app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    const register = `${target}?ttl=1000`;
    const strategy = new BalancedTcpServer({ host: '127.0.0.1', port, service: 'orders', register });
    app.connectMicroservice({ strategy });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    await app.close();
    await agent.stop();
  });

  async function ask<T>(path: string): Promise<Answer<T>> {
    const response = await fetch(`${url}/${path}`);
    return { status: response.status, body: (await response.json()) as T };
  }

  /** Asks until the answer is as wanted, and returns it; the last one when it never is, to be shown. */
  async function until<T>(path: string, holds: (answer: Answer<T>) => boolean): Promise<Answer<T>> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      const answer = await ask<T>(path);
      if (holds(answer) || performance.now() > end) return answer;
      await sleep(20);
    }
  }

  const untilHealth = (holds: (report: HealthReport) => boolean) =>
    until<HealthReport>('health', ({ body }) => holds(body));
  const untilRegistration = (state: string) =>
    untilHealth(({ registrations }) => registrations?.[0]?.state === state);

  it('is not ready before it is registered, and says why', async () => {
    const unreachable = `connect ECONNREFUSED ${agent.address}`;
    const { body } = await untilHealth(({ registrations }) => registrations?.[0]?.error !== undefined);
    expect(body.registrations).toEqual([
      {
        service: 'orders',
        target: `${target}?ttl=1000`,
        state: 'registering',
        address,
        since: expect.any(String),
        error: unreachable,
      },
    ]);
    const ready = await ask<{ reasons: string[] }>('health/ready');
    expect(ready.status).toBe(503);
    expect(ready.body.reasons).toContain(`orders: not registered in ${target}?ttl=1000 yet: ${unreachable}`);
    expect((await ask('health/live')).status).toBe(200);
  });

  it('is ready once it is registered, and finds itself', async () => {
    await agent.restart();
    expect(await until('health/ready', ({ status }) => status === 200)).toEqual({
      status: 200,
      body: { status: 'ready' },
    });
    const { body } = await ask<HealthReport>('health');
    expect(body).toMatchObject({ status: 'up', registrations: [{ state: 'registered', address }] });
    expect(body.registrations?.[0]).not.toHaveProperty('error');
    expect(body.services?.orders?.nodes.map(({ key }) => key)).toEqual([address]);
    const client = app.get<BalancedClientProxy>(getBalancedClientToken('orders'));
    expect(await firstValueFrom(client.send({ cmd: 'sum' }, [1, 2]))).toBe(sum([1, 2]));
  });

  it('shows what of the nodes it cannot use, for as long as that is so', async () => {
    expect((await ask<HealthReport>('health')).body.services?.orders?.discovery).not.toHaveProperty(
      'warning',
    );
    const bad = { Name: 'orders', ID: 'bad', Address: '127.0.0.1', Port: 1, Meta: { weight: 'heavy' } };
    await agent.api('PUT', '/agent/service/register', bad);
    const { body, status } = await untilHealth(
      ({ services }) => services?.orders?.discovery.warning !== undefined,
    );
    expect(status).toBe(200);
    expect(body.services?.orders?.discovery).toMatchObject({
      state: 'ok',
      warning: expect.stringContaining('weight: expected a number from 0 to 65535, got "heavy"'),
    });

    await agent.api('PUT', '/agent/service/deregister/bad');
    const mended = await untilHealth(({ services }) => services?.orders?.discovery.warning === undefined);
    expect(mended.body.services?.orders?.discovery).not.toHaveProperty('warning');
  });

  it('stays ready when the registration is lost, which it shows until it is made anew', async () => {
    await agent.kill();
    const { body } = await untilRegistration('lost');
    expect(body.registrations).toMatchObject([
      { state: 'lost', address, error: expect.stringContaining('ECONNREFUSED') },
    ]);
    expect((await ask('health/ready')).status).toBe(200);

    await agent.restart();
    expect((await untilRegistration('registered')).body.registrations).toMatchObject([
      { state: 'registered', address },
    ]);
    expect(await agent.api('GET', '/health/service/orders?passing')).toHaveLength(1);
  });

  it('is off Consul when it has ended', async () => {
    await app.close();
    expect(await agent.api('GET', '/health/service/orders')).toEqual([]);
  });
});
