import { ClusterNode } from '../cluster/node.js';
import type { Outstanding } from '../cluster/outstanding.js';
import { builtInStrategies, type StrategyName } from '../strategies/registry.js';
import { LatencyByLoad } from '../resilience/latency-by-load.js';
import type { PickContext, Strategy } from '../strategies/strategy.js';
import { seededRandom } from './seeded-random.js';

/** A server with one worker and a queue; times in milliseconds of virtual time. */
export interface ModelServer {
  readonly name: string;
  /** Mean service time; each is drawn from an exponential distribution. */
  mean: number;
  /** Does it tell its load in replies and to probes? */
  readonly reports: boolean;
  served: number;
  inFlight: number;
  freeAt: number;
  /** What our own server measures, and tells. */
  readonly latencies: LatencyByLoad;
}

type ModelNode = ClusterNode<ModelServer>;

/** One caller with a strategy of its own. */
export interface ModelClient {
  readonly strategy: Strategy<ModelNode>;
  readonly nodes: ModelNode[];
}

/** Which way a message takes, each way. */
const NETWORK = 0.25;

/**
 * A service in virtual time: Poisson arrivals, servers with a queue, real strategies and real nodes. What happens is a
 * function of the seed.
 */
export class QueueingModel {
  now = 0;
  readonly servers: ModelServer[] = [];
  readonly clients: ModelClient[] = [];
  readonly latencies: number[] = [];
  private readonly random: () => number;
  private readonly events: { at: number; order: number; run: () => void }[] = [];
  private scheduled = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  addServer(name: string, mean: number, reports = true): ModelServer {
    const server = { name, mean, reports, served: 0, inFlight: 0, freeAt: 0, latencies: new LatencyByLoad() };
    this.servers.push(server);
    return server;
  }

  /** @param weights those of the servers, 1 by default */
  addClient(strategyName: StrategyName, weights: Readonly<Record<string, number>> = {}): ModelClient {
    const strategy = builtInStrategies[strategyName](
      {
        random: this.random,
        now: () => this.now,
        requestLoad: (node) => this.probe(client, node as ModelNode),
      },
      {},
    ) as unknown as Strategy<ModelNode>;
    const client: ModelClient = { strategy, nodes: [] };
    for (const server of this.servers) client.nodes.push(this.nodeOf(server, weights[server.name] ?? 1));
    strategy.update([...client.nodes]);
    this.clients.push(client);
    return client;
  }

  nodeOf(server: ModelServer, weight = 1): ModelNode {
    const endpoint = {
      host: server.name,
      port: 1,
      weight,
      zone: undefined,
      priority: 0,
      draining: false,
      metadata: {},
    };
    const clock = { now: () => this.now, wall: () => 0 };
    const node: ModelNode = new ClusterNode<ModelServer>(endpoint, false, clock, () => undefined);
    node.handle = server;
    return node;
  }

  /** Lets calls arrive at a rate (a second) at random clients for so long, and what is in flight end. */
  run(rate: number, duration: number, call: () => Partial<PickContext<ModelNode>> = () => ({})): void {
    const end = this.now + duration;
    const arrive = (): void => {
      if (this.now >= end) return;
      this.call(this.clients[Math.floor(this.random() * this.clients.length)] as ModelClient, call());
      this.after(this.exponential(1_000 / rate), arrive);
    };
    arrive();
    this.settle(end);
  }

  /** Lets so many calls arrive at once, at random clients, again and again for so long. */
  runBursts(size: number, interval: number, duration: number): void {
    const end = this.now + duration;
    for (let at = 0; at < duration; at += interval) {
      this.after(at, () => {
        for (let i = 0; i < size; i++)
          this.call(this.clients[Math.floor(this.random() * this.clients.length)] as ModelClient, {});
      });
    }
    this.settle(end);
  }

  /** Lets everything happen that is to happen. */
  private settle(end: number): void {
    for (let event = this.pop(); event !== undefined; event = this.pop()) {
      this.now = event.at;
      event.run();
    }
    this.now = Math.max(this.now, end);
  }

  private call(client: ModelClient, context: Partial<PickContext<ModelNode>>): void {
    const node = client.strategy.pick({ pattern: 'test', tried: undefined, ...context }) as ModelNode;
    const attempt: Outstanding = { startedAt: this.now, older: undefined, newer: undefined, inFlight: 0 };
    node.begin(attempt);
    const server = node.handle;
    this.after(NETWORK, () => {
      const arrivedAt = this.now;
      const ahead = ++server.inFlight;
      server.freeAt = Math.max(server.freeAt, this.now) + this.exponential(server.mean);
      this.after(server.freeAt - this.now, () => {
        server.inFlight--;
        server.served++;
        server.latencies.record(ahead, this.now - arrivedAt, this.now);
        this.after(NETWORK, () => {
          this.latencies.push(this.now - attempt.startedAt);
          node.end('answered', this.now - attempt.startedAt, attempt, this.now);
          this.report(client, node);
        });
      });
    });
  }

  private probe(client: ModelClient, node: ModelNode): void {
    this.after(2 * NETWORK, () => this.report(client, node));
  }

  private report(client: ModelClient, node: ModelNode): void {
    const { reports, inFlight, latencies } = node.handle;
    if (!reports) return;
    node.setLoad({ inFlight, latency: latencies.at(inFlight + 1, this.now) });
    client.strategy.observe?.(node);
  }

  private exponential(mean: number): number {
    return -Math.log(1 - this.random()) * mean;
  }

  private after(delay: number, run: () => void): void {
    const { events } = this;
    const event = { at: this.now + delay, order: this.scheduled++, run };
    let place = events.length;
    events.push(event);
    for (; place > 0;) {
      const parent = (place - 1) >> 1;
      if (!before(event, events[parent] as typeof event)) break;
      events[place] = events[parent] as typeof event;
      place = parent;
    }
    events[place] = event;
  }

  private pop(): { at: number; run: () => void } | undefined {
    const { events } = this;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && before(events[child + 1] as typeof last, events[child] as typeof last))
        child++;
      if (!before(events[child] as typeof last, last)) break;
      events[place] = events[child] as typeof last;
      place = child;
    }
    events[place] = last;
    return first;
  }
}

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
