/** An HTTP app in front of a service, with health routes and Terminus. */
import { config, decorate, load, startedLater, tell } from './nest.mjs';

const { Controller, Get, Inject, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { HealthCheckService, TerminusModule } = load('@nestjs/terminus');
const { getBalancedClientToken, LoadBalancerModule } = load('nestjs-load-balancer');
const { LoadBalancerHealthIndicator, LoadBalancerHealthModule } = load('nestjs-load-balancer/health');

class GatewayController {
  constructor(client, health, balancer) {
    Object.assign(this, { client, health, balancer });
  }

  /** An Observable, as users return it from their handlers. */
  relay() {
    return this.client.send({ cmd: 'relay' }, {});
  }

  terminus() {
    return this.health.check([() => this.balancer.isHealthy('load-balancer')]);
  }
}
Controller()(GatewayController);
decorate(Get('relay'), GatewayController, 'relay');
decorate(Get('terminus'), GatewayController, 'terminus');
[getBalancedClientToken('next'), HealthCheckService, LoadBalancerHealthIndicator].forEach((token, index) =>
  Inject(token)(GatewayController, undefined, index),
);

class GatewayModule {}
Module({
  imports: [
    LoadBalancerModule.forRoot({ services: { next: startedLater(config.next) } }),
    LoadBalancerHealthModule,
    TerminusModule,
  ],
  controllers: [GatewayController],
  providers: [LoadBalancerHealthIndicator],
})(GatewayModule);

const app = await NestFactory.create(GatewayModule);
await app.listen(config.port, '127.0.0.1');
tell('listening');
