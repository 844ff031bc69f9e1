import type { Type } from '@nestjs/common';
import type { ClientTCP, Deserializer, Serializer, TcpSocket } from '@nestjs/microservices';
import type { ConnectionOptions } from 'node:tls';

/** What is needed to connect to one node. The listeners are those that users attached with `ClientProxy#on`. */
export interface TransportSettings {
  readonly host: string;
  readonly port: number;
  /** Milliseconds to establish the connection, with TLS. */
  readonly connectTimeout: number;
  /** Milliseconds of silence before TCP keep-alive probes start. */
  readonly keepAlive: number | false;
  readonly tlsOptions: ConnectionOptions | undefined;
  readonly serializer: Serializer | undefined;
  readonly deserializer: Deserializer | undefined;
  readonly socketClass: Type<TcpSocket> | undefined;
  readonly customClass: Type<ClientTCP> | undefined;
  readonly framing: FramingLimits;
  readonly socketListeners: readonly SocketListener[];
}

/** Guards of the framing, as Nest names them; `undefined` for Nest's defaults. */
export interface FramingLimits {
  readonly maxBufferSize?: number;
  readonly incompleteMessageTimeout?: number;
  readonly maxSendBufferSize?: number;
}

export interface SocketListener {
  readonly event: string;
  readonly listener: (...args: unknown[]) => void;
}
