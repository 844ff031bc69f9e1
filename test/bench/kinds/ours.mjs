import { NestFactory } from '@nestjs/core';
import { JsonSocket } from '@nestjs/microservices';
import { getBalancedClientToken, LoadBalancerModule, RequestContext } from 'nestjs-load-balancer';
import { observe } from '../lib/observe.mjs';
import { ECHO } from '../lib/payloads.mjs';

/**
 * Our client, made by its module in a Nest application and with all its defaults, so with probes and deadlines, but for `options`.
 *
 * @param {{ options: object, context: boolean, jsonSocket?: boolean }} variant `context`: every call is made in a request context of its
 * own, as when each incoming request makes one call; `jsonSocket`: on Nest's socket instead of ours
 */
export function createClient({ options, context, jsonSocket = false }) {
  const transport = jsonSocket ? { socketClass: JsonSocket } : {};
  let app;
  let client;
  const plain = (payload, done) => observe(client.send(ECHO, payload), done);
  const within = (payload, done) => RequestContext.run(incomingRequest(), () => plain(payload, done));
  return {
    async start(ports) {
      const target = `static:///${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
      const module = LoadBalancerModule.forRoot({ services: { bench: { target, transport, ...options } } });
      app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
      client = app.get(getBalancedClientToken('bench'));
      await client.connect();
      while (client.nodes().some(({ status }) => status !== 'ready')) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    call: context ? within : plain,
    stop: () => app.close(),
  };
}

/** Request id, trace and deadline: what the context of most requests holds. */
function incomingRequest() {
  return new RequestContext({
    requestId: '0d8f5a3e-6f0b-4c1e-9d3a-5b7c1e2f4a60',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    deadline: performance.now() + 4_000,
  });
}
