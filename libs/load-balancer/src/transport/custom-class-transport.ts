import type { ClientTCP, ReadPacket, WritePacket } from '@nestjs/microservices';
import type { Socket } from 'node:net';
import type { NodeTransport, ReplyHandler, RequestHandle, TransportListener } from './node-transport.js';
import { EventLostError } from './node-transport.js';
import { isSelfConnected, SELF_CONNECTED } from './self-connection.js';
import type { SocketListener, TransportSettings } from './transport-settings.js';
import { windDown } from './wind-down.js';

/** The part of `ClientProxy` that is protected, and that subclasses override: what a `customClass` is for. */
interface OpenClientProxy {
  publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void;
  dispatchEvent(packet: ReadPacket): Promise<unknown>;
  serializeError(error: unknown): unknown;
  serializeResponse(response: unknown): unknown;
}

/** What `ClientTCP` says to every request that waits when its connection goes. */
const CONNECTION_CLOSED = 'Connection closed';

/**
 * A node behind the user's own `ClientTCP` subclass (`transport.customClass`). Whatever it overrides is in force:
 * `createSocket`, `publish`, `dispatchEvent`, `handleResponse`, `serializeError`, `serializeResponse`.
 */
export class CustomClassTransport implements NodeTransport {
  private readonly client: ClientTCP;
  private readonly inside: OpenClientProxy;
  private open = false;

  constructor(
    private readonly settings: TransportSettings,
    private readonly listener: TransportListener,
  ) {
    const { host, port, tlsOptions, serializer, deserializer, socketClass, framing } = settings;
    const CustomClass = settings.customClass as NonNullable<typeof settings.customClass>;
    this.client = new CustomClass({
      host,
      port,
      ...(tlsOptions && { tlsOptions }),
      ...(serializer && { serializer }),
      ...(deserializer && { deserializer }),
      ...(socketClass && { socketClass }),
      ...framing,
    });
    this.inside = this.client as unknown as OpenClientProxy;
    for (const attached of settings.socketListeners) this.on(attached);
    this.on({ event: 'close', listener: () => this.ended(new Error('connection closed')) });
    this.on({ event: 'end', listener: () => this.ended(new Error('the node closed the connection')) });
  }

  async connect(): Promise<void> {
    const { connectTimeout } = this.settings;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`connect timed out after ${connectTimeout} ms`)),
        connectTimeout,
      );
    });
    try {
      await Promise.race([this.client.connect(), late]);
      const socket = this.unwrap();
      if (isSelfConnected(socket)) throw new Error(SELF_CONNECTED);
      // It may have gone since it connected, when nobody was listening yet.
      if (socket.destroyed) throw new Error('connection closed');
      this.open = true;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Its replies go through the user's code, which may know no trailers. */
  readonly readsTrailers = false;

  learned(): void {
    // Whatever the server can do: the user's class speaks plain Nest.
  }

  /** What `publish` returns makes the client forget it: that is the handle. */
  request(packet: ReadPacket, reply: ReplyHandler): RequestHandle {
    if (!this.open) {
      queueMicrotask(() => reply.lost(new Error('the connection is closing'), false));
      return undefined;
    }
    const request: PublishedRequest = { cancel: undefined, unsendable: undefined };
    const cancel = this.inside.publish(packet, (answer) => this.answered(answer, reply, request));
    if (request.unsendable) {
      cancel();
      throw request.unsendable.error;
    }
    request.cancel = cancel;
    return cancel;
  }

  forget(request: RequestHandle): void {
    if (typeof request === 'function') (request as PublishedRequest['cancel'])?.();
  }

  async event(packet: ReadPacket): Promise<unknown> {
    if (!this.open) throw new EventLostError(new Error('the connection is closing'), false);
    return this.inside.dispatchEvent(packet);
  }

  close(): void {
    const socket = this.socketIfAny();
    const finish = this.open;
    this.ended(new Error('closed by this client'));
    this.client.close();
    if (finish && socket) windDown(socket, this.settings.connectTimeout);
    // Nothing to finish; `ClientTCP` would leave it connecting for as long as the operating system tries.
    else socket?.destroy();
  }

  unwrap(): Socket {
    return this.client.unwrap<Socket>();
  }

  on({ event, listener }: SocketListener): void {
    (this.client as { on(event: string, listener: SocketListener['listener']): void }).on(event, listener);
  }

  /** Does what `ClientProxy#createObserver` does, and what the teardown of its Observable does after the last answer. */
  private answered(
    { err, response, isDisposed }: WritePacket,
    reply: ReplyHandler,
    request: PublishedRequest,
  ): void {
    if (err && request.cancel === undefined) {
      // Before `publish` has returned: the message could not be made.
      request.unsendable = { error: err };
      return;
    }
    if (err || isDisposed) request.cancel?.();
    if (err instanceof Error && err.message === CONNECTION_CLOSED) {
      // `ClientTCP` tells its requests before its listeners; nothing more may be sent here meanwhile.
      this.ended(err);
      reply.lost(err, true);
    } else if (err) reply.error(this.inside.serializeError(err));
    else if (response === undefined && isDisposed) reply.complete();
    else reply.next(this.inside.serializeResponse(response), isDisposed === true);
  }

  private socketIfAny(): Socket | undefined {
    try {
      return this.unwrap();
    } catch {
      return undefined;
    }
  }

  private ended(cause: Error): void {
    if (!this.open) return;
    this.open = false;
    this.listener.onClose(cause);
  }
}

/** One request that was published. */
interface PublishedRequest {
  /** Makes the client forget it; known once `publish` has returned. */
  cancel: (() => void) | undefined;
  unsendable: { readonly error: unknown } | undefined;
}
