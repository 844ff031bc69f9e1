import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/**
 * A TCP proxy whose connections can be made to hang, as a firewall or a partition does it: nothing more comes through on
 * those there are, and nobody says so. New ones work.
 */
export class SilentProxy {
  /** Connections of clients, and how many of them the client has ended. */
  accepted = 0;
  endedByClient = 0;

  private generation = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(private readonly target: number) {
    // Half open: a hung connection does not answer the client's FIN either.
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.join(socket));
  }

  static async to(target: number): Promise<SilentProxy> {
    const proxy = new SilentProxy(target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  silence(): void {
    this.generation++;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket): void {
    this.accepted++;
    client.on('end', () => this.endedByClient++);
    const provider = connect(this.target, '127.0.0.1');
    const { generation } = this;
    for (const [from, to] of [
      [client, provider],
      [provider, client],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (chunk) => {
        if (generation === this.generation) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        if (generation === this.generation) to.destroy();
      });
    }
  }
}
