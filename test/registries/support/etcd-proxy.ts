import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** A TCP proxy before a registry, which counts connections, loses them, and keeps answers back. */
export class EtcdProxy {
  accepted = 0;
  /** Does it hang up on whoever connects? */
  isAway = false;
  /** Called with what the registry answers, before it is passed on. */
  beforeAnswer: (answer: Buffer) => Promise<void> | void = () => undefined;

  private readonly clients = new Set<Socket>();
  private readonly server: Server;

  private constructor(private readonly target: number) {
    this.server = createServer((client) => this.join(client));
  }

  static async to(target: number): Promise<EtcdProxy> {
    const proxy = new EtcdProxy(target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.clients.size;
  }

  /** Loses every connection there is. */
  cut(): void {
    for (const client of this.clients) client.destroy();
  }

  close(): void {
    this.server.close();
    this.cut();
  }

  private join(client: Socket): void {
    this.accepted++;
    this.clients.add(client);
    const registry = connect(this.target, '127.0.0.1');
    for (const [socket, other] of [
      [client, registry],
      [registry, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
    client.on('close', () => this.clients.delete(client));
    client.on('data', (chunk) => registry.write(chunk));
    let passed = Promise.resolve();
    registry.on('data', (answer) => {
      passed = passed
        .then(() => this.beforeAnswer(answer))
        .then(() => {
          client.write(answer);
        });
    });
    if (this.isAway) client.destroy();
  }
}
