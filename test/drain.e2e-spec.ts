import { afterEach, describe, expect, it } from '@jest/globals';
import { JsonSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './support/child.js';
import type { ChildConfig, Message } from './support/child.js';

const children: Child[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const child of children.splice(0)) if (!child.ended) await child.kill();
});

interface Listening extends Message {
  readonly tcp: number;
  readonly http?: number;
}

/** A provider that has a request of a client of ours in flight, and has been asked to end. */
async function terminated(config: ChildConfig) {
  const child = new Child('draining.mjs', config);
  children.push(child);
  const { tcp, http } = await child.message<Listening>('listening');
  const received: any[] = [];
  const framed = new JsonSocket(new Socket());
  sockets.push(framed.netSocket);
  framed.connect(tcp, '127.0.0.1');
  await once(framed.netSocket, 'connect');
  framed.on('message', (message: unknown) => received.push(message));
  framed.sendMessage({
    id: 'probe',
    pattern: { 'nestjs-load-balancer': 'probe' },
    data: { lb: 1, accept: ['trailer'] },
  });
  framed.sendMessage({ id: 'held', pattern: { cmd: 'hold' }, data: 0 });
  await child.message('holding');
  const readinessBefore = http === undefined ? undefined : await status(http, 'ready');
  void child.terminate();
  return { child, framed, received, http, readinessBefore };
}

async function status(port: number, route: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}/health/${route}`)).status;
}

async function replyTo(id: string, received: readonly any[]): Promise<any> {
  for (;;) {
    const reply = received.find((message) => message.id === id);
    if (reply !== undefined) return reply;
    await sleep(5);
  }
}

describe.each([11, 12] as const)('SIGTERM, with Nest %i', (nest) => {
  it.each([false, true])(
    'ends the process once its calls are answered (shutdown hooks: %s)',
    async (shutdownHooks) => {
      const { child, framed, received } = await terminated({ nest, shutdownHooks });
      while (!received.some(({ lb }) => lb?.draining)) await sleep(5);
      framed.sendMessage({ id: 'new', pattern: { cmd: 'who' }, data: 0 });
      expect(await replyTo('new', received)).toMatchObject({ lb: { refused: 'draining' } });
      expect(child.ended).toBe(false);

      child.tell('release');
      expect(await replyTo('held', received)).toMatchObject({ response: 'at last' });
      framed.end();
      if (shutdownHooks) await child.message('shut down');
      expect(await child.endedBy()).toBe('SIGTERM');
      expect(child.output).toBe('');
    },
  );

  it('ends it after `drainTimeout`, whatever is still going on', async () => {
    const start = performance.now();
    const { child, received } = await terminated({ nest, server: { drainTimeout: 300 } });
    expect(await child.endedBy()).toBe('SIGTERM');
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(received.some(({ id }) => id === 'held')).toBe(false);
  });

  it('ends it at once with `drainOnSigterm: false`', async () => {
    const { child, received } = await terminated({ nest, server: { drainOnSigterm: false } });
    expect(await child.endedBy()).toBe('SIGTERM');
    expect(received.some(({ lb }) => lb?.draining)).toBe(false);
  });

  it.each([false, true])(
    'has a hybrid application answer that it is not ready for as long as it drains (shutdown hooks: %s)',
    async (shutdownHooks) => {
      const { child, framed, received, http, readinessBefore } = await terminated({
        nest,
        hybrid: true,
        shutdownHooks,
      });
      expect(readinessBefore).toBe(200);
      while (!received.some(({ lb }) => lb?.draining)) await sleep(5);
      for (let n = 0; n < 5; n++) {
        expect(await status(http!, 'ready')).toBe(503);
        expect(await status(http!, 'live')).toBe(200);
        await sleep(50);
      }
      child.tell('release');
      expect(await replyTo('held', received)).toMatchObject({ response: 'at last' });
      framed.end();
      expect(await child.endedBy()).toBe('SIGTERM');
    },
  );
});
