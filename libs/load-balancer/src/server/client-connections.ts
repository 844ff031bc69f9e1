import type { Socket } from 'node:net';
import { ClientConnection } from './client-connection.js';

/** The connections of all clients. */
export class ClientConnections {
  /** Those that are open. */
  readonly open: ReadonlySet<ClientConnection>;

  private readonly live = new Set<ClientConnection>();
  private readonly bySocket = new WeakMap<Socket, ClientConnection>();

  constructor() {
    this.open = this.live;
  }

  /** The connection over this socket, which is new when it has not been asked for before. */
  of(netSocket: Socket): ClientConnection {
    return this.bySocket.get(netSocket) ?? this.track(netSocket);
  }

  private track(netSocket: Socket): ClientConnection {
    const connection = new ClientConnection(netSocket, performance.now());
    this.live.add(connection);
    this.bySocket.set(netSocket, connection);
    netSocket.once('close', () => {
      this.live.delete(connection);
      connection.onClose();
    });
    return connection;
  }
}
