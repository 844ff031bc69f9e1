import { JsonSocket } from '@nestjs/microservices';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';

/** A request as it comes over the wire. */
export interface RawRequest {
  readonly id: unknown;
  readonly data: unknown;
}

/** A node without Nest, that does whatever it is told with its connections: what no provider should do, too. */
export class RawNode {
  /** Connections there have been. */
  accepted = 0;
  /** `host:port`, as nodes are named; also of one that is closed. */
  address = '';

  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(private readonly onConnection: (socket: Socket) => void) {
    // Half open: it does not close a connection only because the client has.
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.join(socket));
  }

  static async listen(onConnection: (socket: Socket) => void): Promise<RawNode> {
    const node = new RawNode(onConnection);
    node.server.listen(0, '127.0.0.1');
    await once(node.server, 'listening');
    node.address = `127.0.0.1:${(node.server.address() as AddressInfo).port}`;
    return node;
  }

  /** A good one, but for what `onRequest` leaves out: it is given the socket to answer with. */
  static serving(onRequest: (request: RawRequest, framed: JsonSocket) => void): Promise<RawNode> {
    return RawNode.listen((socket) => {
      socket.on('end', () => socket.end());
      const framed = new JsonSocket(socket);
      framed.on('message', (request: RawRequest) => onRequest(request, framed));
    });
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(socket: Socket): void {
    this.accepted++;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    this.onConnection(socket);
  }
}

/** The whole answer to a request, as Nest writes it. */
export function answer(framed: JsonSocket, { id }: RawRequest, response: unknown): void {
  framed.sendMessage({ id, response, isDisposed: true });
}
