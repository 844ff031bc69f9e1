import { afterEach, describe, expect, it } from '@jest/globals';
import { JsonSocket } from '@nestjs/microservices';
import type { Socket } from 'node:net';
import type { Endpoint, Resolver } from 'nestjs-load-balancer';
import { BehaviorSubject } from 'rxjs';
import { failure } from './support/calls.js';
import type { Message } from './support/child.js';
import { Child } from './support/child.js';
import { Consumers, nodesBecome } from './support/consumer.js';

const COUNT = 10_000;
const EAGER = 5;

const consumers = new Consumers();
afterEach(() => consumers.close());

/** The sockets that a client has made. */
let sockets = 0;
class CountedSocket extends JsonSocket {
  constructor(socket: Socket) {
    super(socket);
    sockets++;
  }
}

/** Different addresses of the loopback net, on the port "discard", where nobody listens. */
function endpoint(index: number): Endpoint {
  return { host: `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`, port: 9 };
}
const endpoints = Array.from({ length: COUNT }, (_, index) => endpoint(index));

describe(`a service of ${COUNT} nodes`, () => {
  it('opens no connection but those that are opened at start-up', async () => {
    sockets = 0;
    const client = await consumers.open({
      target: endpoints,
      connection: { eager: EAGER, backoff: { initial: 60_000 } },
      transport: { socketClass: CountedSocket },
      healthCheck: false,
    });
    const idle = (): number => client.nodes().filter(({ status }) => status === 'idle').length;

    expect(idle()).toBe(COUNT - EAGER);
    await nodesBecome(client, 'all eager nodes tried', (nodes) => {
      return nodes.filter(({ status }) => status === 'disconnected').length === EAGER;
    });

    expect(idle()).toBe(COUNT - EAGER);
    // Each was tried once: the second time is a minute away.
    expect(sockets).toBe(EAGER);
  });

  it('touches only the nodes that come and go when its membership changes', async () => {
    const members = new BehaviorSubject<readonly Endpoint[]>(endpoints);
    const resolver: Resolver = { schemes: ['list'], watch: () => members };
    const client = await consumers.open(
      { target: 'list:///', connection: { eager: 0 } },
      { resolvers: [resolver] },
    );
    const before = new Map(client.nodes().map((node) => [node.key, node.since]));
    const events: string[] = [];
    client.events.subscribe(({ type }) => events.push(type));

    members.next([...endpoints.slice(100), ...Array.from({ length: 100 }, (_, i) => endpoint(COUNT + i))]);

    const nodes = client.nodes();
    expect(nodes).toHaveLength(COUNT);
    expect(nodes.filter(({ key, since }) => before.get(key)?.getTime() === since.getTime())).toHaveLength(
      COUNT - 100,
    );
    expect(events.filter((type) => type === 'node-added')).toHaveLength(100);
    expect(events.filter((type) => type === 'node-removed')).toHaveLength(100);
    expect(events.filter((type) => type === 'resolved')).toHaveLength(1);
  });

  it('costs less than 20 kB for each node that nobody has called, and 50 ms of CPU for a new membership', async () => {
    const child = new Child('many-nodes.mjs', { nest: 12, count: COUNT, updates: 21, changed: 100 }, [
      '--expose-gc',
    ]);

    const { bytesPerNode, statuses, updateTimes } = await child.message<Measured>('measured');

    expect(statuses).toEqual(['idle']);
    expect(bytesPerNode).toBeGreaterThan(100);
    expect(bytesPerNode).toBeLessThan(20_000);
    expect(median(updateTimes)).toBeLessThan(50);
    expect(await child.status()).toBe(0);
  });
});

describe('a service whose idle nodes all refuse', () => {
  it('is tried node by node, and names the first few', async () => {
    const client = await consumers.open({ target: endpoints.slice(0, 20), connection: { eager: 0 } });

    const error = (await failure(client.send('anything', {}))) as Error;

    expect(error).toMatchObject({ code: 'CONNECT_FAILED', attempts: { length: 20 } });
    expect(error.message).toMatch(
      /^orders: no node could be reached: 127\.1\.0\.\d+:9 refused.*; and 15 more$/,
    );
    expect(client.nodes().every(({ status }) => status === 'disconnected')).toBe(true);
  });
});

interface Measured extends Message {
  readonly bytesPerNode: number;
  readonly statuses: readonly string[];
  readonly updateTimes: readonly number[];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}
