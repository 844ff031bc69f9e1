import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/**
 * Turns of the event loop between two pieces. After one, whoever is in this process has read the piece; after 20, most
 * receivers in another process have, too: of single bytes more than half arrive alone then, with one turn a sixth.
 */
const TURNS = 20;

/**
 * A TCP proxy that passes on, both ways, what it receives in pieces of the lengths it is told, as a network is free to do,
 * and far enough apart that they are read apart.
 */
export class ChoppingProxy {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(
    private readonly target: number,
    private readonly nextLength: () => number,
  ) {
    this.server = createServer((client) => this.join(client));
  }

  /** @param nextLength bytes of the next piece */
  static async to(target: number, nextLength: () => number): Promise<ChoppingProxy> {
    const proxy = new ChoppingProxy(target, nextLength);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket): void {
    const provider = connect(this.target, '127.0.0.1');
    for (const [from, to] of [
      [client, provider],
      [provider, client],
    ] as const) {
      this.sockets.add(from);
      from.setNoDelay(true);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => undefined);
      // A connection that is cut off has nothing more to pass on.
      this.pass(from, to).catch(() => to.destroy());
    }
  }

  private async pass(from: Socket, to: Socket): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      let end: number;
      for (let start = 0; start < chunk.length; start = end) {
        end = start + this.nextLength();
        to.write(chunk.subarray(start, end));
        for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}
