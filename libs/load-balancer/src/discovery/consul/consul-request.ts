import Consul from 'consul';
import { EventEmitter } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { ConsulConnection } from './consul-connection.js';
import { ConsulError, reasonOf } from './consul-error.js';

export interface ConsulRequestOptions {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** Is it no reason for the process to go on? */
  readonly background?: boolean;
}

/** What every method of the client takes. */
interface RequestContext {
  readonly token?: string;
  /** Its way to be cancelled and to give headers, of which its types do not say anything. */
  readonly ctx: EventEmitter;
}

export interface ConsulAnswer {
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/**
 * One request with a client of its own. A client costs nothing beside its connection, which is not kept either: a request
 * that waits for news takes the connection for as long as it would be kept.
 *
 * @throws ConsulError whatever happens; its message holds no token
 *
 * @example
 * ```ts
 * const { body } = await askConsul(connection, { timeout: 3_000 }, (consul, request) =>
 *   consul.health.service({ service: 'orders', ...request }));
 * ```
 */
export async function askConsul(
  connection: ConsulConnection,
  options: ConsulRequestOptions,
  ask: (consul: Consul, request: RequestContext) => Promise<unknown>,
): Promise<ConsulAnswer> {
  const { timeout, signal, background = false } = options;
  const { host, port, token, tls } = connection;
  const ctx = Object.assign(new EventEmitter(), { includeResponse: true });
  let cancelled: string | undefined;
  const cancel = (reason: string): void => {
    cancelled ??= reason;
    ctx.emit('cancel');
  };
  const onAbort = (): void => cancel('given up');

  // The client has a timeout of its own, which keeps the process running for as long. How long it was is not said: it differs
  // from one query to the next, and each reason is warned of once.
  const timer = setTimeout(cancel, timeout, 'no answer in time').unref();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const agent = tls ? new HttpsAgent({ ...tls, keepAlive: false }) : new HttpAgent({ keepAlive: false });
    onConnection(agent, host, (socket) => {
      if (background) socket.unref();
      // The client does not notice an answer that breaks off. An error of its own comes first.
      socket.once('close', () =>
        setImmediate(cancel, 'the connection was closed before the answer was complete'),
      );
    });
    const consul = new Consul({
      host: host.includes(':') ? `[${host}]` : host,
      port,
      secure: tls !== undefined,
      agent,
    });
    const request = { ctx, ...(token !== undefined && { token }) };
    const answer = await ask(consul, request);
    // The client takes errors of another realm for answers, as are Node's own in a test of Jest.
    if (!Array.isArray(answer)) throw answer;
    const [response, body] = answer as [IncomingMessage, unknown];
    return { headers: response.headers, body };
  } catch (error) {
    const { reason, status } = reasonOf(error);
    // Without the client's error as its cause: that one holds the request, and with it the token.
    throw new ConsulError(hide(cancelled ?? reason, token), status);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Tells of each connection that an agent makes, as it begins to. The client would have an IPv6 address looked up as a name,
 * with its brackets: the host is given here.
 */
function onConnection(agent: HttpAgent, host: string, listener: (socket: Socket) => void): void {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = create({ ...options, host }, callback) as Socket;
    listener(socket);
    return socket;
  };
}

/** What a server says may hold what it was sent. */
function hide(text: string, token: string | undefined): string {
  return token === undefined || token === '' ? text : text.replaceAll(token, '***');
}
