import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { Socket } from 'node:net';
import { until } from '../testing/until.js';
import { FastTcpSocket } from '../transport/fast-tcp-socket.js';
import { CANCEL_PATTERN, PLAIN_PROBE, PROBE_PATTERN, PROBE_REQUEST } from '../transport/probe-protocol.js';
import type { BalancedTcpServerOptions } from './balanced-tcp-server-options.js';
import { BalancedTcpServer } from './balanced-tcp-server.js';

/** What is to be closed after the test, the last first. */
const closing: (() => unknown)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export interface ServerInTest {
  readonly server: BalancedTcpServer;
  readonly port: number;
  /** What it has logged as warnings and errors. */
  readonly logged: string[];
}

export type Handlers = Record<string, (data: any, context?: any) => unknown>;

/** A server with handlers by pattern; one whose name starts with `on:` handles an event. */
export async function startServer(
  handlers: Handlers,
  options: BalancedTcpServerOptions = {},
  extras: Record<string, object> = {},
): Promise<ServerInTest> {
  const server = new BalancedTcpServer({ host: '127.0.0.1', port: 0, drainTimeout: 0, ...options });
  const logged: string[] = [];
  const log = (...args: unknown[]): void => void logged.push(args.join(' '));
  Object.assign((server as any).logger, { log: () => undefined, warn: log, error: log });
  for (const [name, handler] of Object.entries(handlers)) {
    const isEvent = name.startsWith('on:');
    const callback = async (data: unknown, context: unknown) => handler(data, context);
    server.addHandler(isEvent ? name.slice(3) : name, callback, isEvent, extras[name] ?? {});
  }
  await new Promise<void>((resolve, reject) => {
    server.listen((error) => (error instanceof Error ? reject(error) : resolve()));
  });
  closing.push(() => server.close());
  return { server, port: (server.unwrap<Server>().address() as AddressInfo).port, logged };
}

/** A client that shows what is on the wire. */
export class WireClient {
  /** Everything received, in order. */
  readonly received: any[] = [];
  closed = false;
  private readonly framed = new FastTcpSocket(new Socket());

  /** A stock client: no more than a connection. */
  static async stock(port: number): Promise<WireClient> {
    const client = new WireClient();
    client.socket.connect(port, '127.0.0.1');
    await once(client.socket, 'connect');
    closing.push(() => client.socket.destroy());
    return client;
  }

  /** One of this library, its probe answered. */
  static async ours(port: number): Promise<WireClient> {
    const client = await WireClient.stock(port);
    await client.probe();
    client.received.length = 0;
    return client;
  }

  private constructor() {
    this.socket.on('message', (message) => this.received.push(message));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
  }

  get socket(): Socket {
    return this.framed.netSocket;
  }

  async probe(understandsTrailers = true): Promise<any> {
    const data = understandsTrailers ? PROBE_REQUEST : PLAIN_PROBE;
    return (await this.ask(PROBE_PATTERN, data)).response;
  }

  send(...packets: object[]): void {
    for (const packet of packets) this.framed.sendMessage(packet);
  }

  cancel(id: string): void {
    this.send({ pattern: CANCEL_PATTERN, data: id });
  }

  /** Sends a request, and gives its first reply. */
  ask(pattern: unknown, data: unknown = 0, metadata?: object): Promise<any> {
    const id = `a-${Math.random()}`;
    this.send({ id, pattern, data, ...(metadata && { metadata }) });
    return this.reply(id);
  }

  async reply(id: string): Promise<any> {
    const find = (): any => this.received.find((message) => message.id === id);
    await until(() => find() !== undefined);
    return find();
  }

  repliesTo(id: string): any[] {
    return this.received.filter((message) => message.id === id);
  }
}

/** A promise to be settled by the test. */
export function hold<T = unknown>(): { promise: Promise<T>; release: (value: T) => void } {
  let release!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (release = resolve));
  return { promise, release };
}
