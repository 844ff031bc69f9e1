/**
 * One service in a chain of them: its handler tells what it sees of the request context, calls the next service if there is one,
 * and answers with both. Behind Nest's own server or ours, with the library in the process either way.
 */
import { config, handler, load, startedLater, tell } from './nest.mjs';

const { Controller, Inject, Module, UseGuards } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { MessagePattern, Transport } = load('@nestjs/microservices');
const { firstValueFrom } = load('rxjs');
const { BalancedTcpServer, getBalancedClientToken, LoadBalancerModule, RequestContext } =
  load('nestjs-load-balancer');

const { name, port, next, authorization } = config;
const host = '127.0.0.1';
const context = { allow: ['x-tenant'] };

/** What the guard saw, by the RPC context of the message. */
const guarded = new WeakMap();

class ContextGuard {
  canActivate(execution) {
    guarded.set(execution.switchToRpc().getContext(), RequestContext.current()?.requestId);
    return true;
  }
}

/** Those who wait until as many as they want are here at once. */
let meeting = [];
function meet(count) {
  return new Promise((resolve) => {
    meeting.push(resolve);
    if (meeting.length < count) return;
    for (const go of meeting) go();
    meeting = [];
  });
}

class Relay {
  constructor(client) {
    this.client = client;
  }

  async relay(data, rpcContext) {
    const current = RequestContext.current();
    const remaining = current.remaining();
    if (data.meet) await meet(data.meet);
    // Some work, so that there is less time left for the next one.
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(`[${RequestContext.current().requestId}] served by ${name}`);
    const seen = {
      name,
      inGuard: guarded.get(rpcContext),
      requestId: current.requestId,
      afterWaiting: RequestContext.current().requestId,
      remaining,
      tenant: current.get('x-tenant'),
      authorization: current.authorization,
    };
    if (next === undefined) return [seen];
    return [seen, ...(await firstValueFrom(this.client.send({ cmd: 'relay' }, data)))];
  }
}
Controller()(Relay);
UseGuards(ContextGuard)(Relay);
if (next !== undefined) Inject(getBalancedClientToken('next'))(Relay, undefined, 0);
handler(MessagePattern({ cmd: 'relay' }), Relay, 'relay');

class HopModule {}
const services = next === undefined ? {} : { next: { ...startedLater(next), context: { authorization } } };
Module({ imports: [LoadBalancerModule.forRoot({ services, context })], controllers: [Relay] })(HopModule);

const app = await NestFactory.createMicroservice(
  HopModule,
  config.server === 'stock'
    ? { transport: Transport.TCP, options: { host, port } }
    : { strategy: new BalancedTcpServer({ host, port, service: name, context }) },
);
await app.listen();
tell('listening');
