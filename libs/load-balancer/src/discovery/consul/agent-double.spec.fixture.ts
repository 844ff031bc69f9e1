import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request that has come, and the way to answer it. */
export interface DoubleRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly token: string | undefined;
  readonly response: ServerResponse;
  /** Answers with JSON, as an agent does. */
  answer(body: unknown, index?: number | string): void;
}

/**
 * What speaks HTTP in the place of an agent, and says whatever a test wants: what no real one does. The requests wait until
 * the test answers them.
 */
export class AgentDouble {
  readonly requests: DoubleRequest[] = [];
  private readonly arrivals = new EventEmitter();
  private taken = 0;

  private constructor(private readonly server: ReturnType<typeof createServer>) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      request.resume();
      this.requests.push(describeRequest(request, response));
      this.arrivals.emit('news');
    });
  }

  static async listen(
    tls?: { readonly key: Buffer; readonly cert: Buffer },
    host = '127.0.0.1',
  ): Promise<AgentDouble> {
    const double = new AgentDouble(tls ? createTlsServer(tls) : createServer());
    await once(double.server.listen(0, host), 'listening');
    return double;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next request that has not been taken yet. */
  async next(): Promise<DoubleRequest> {
    while (this.requests.length <= this.taken) await once(this.arrivals, 'news');
    return this.requests[this.taken++] as DoubleRequest;
  }

  /** Resolves when the peer of a request has gone. */
  async hungUp({ response }: DoubleRequest): Promise<void> {
    if (!response.closed) await once(response, 'close');
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function describeRequest(request: IncomingMessage, response: ServerResponse): DoubleRequest {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://double');
  return {
    method: request.method ?? '',
    path: pathname,
    query: Object.fromEntries(searchParams),
    token: request.headers['x-consul-token'] as string | undefined,
    response,
    answer(body, index) {
      response.setHeader('content-type', 'application/json');
      if (index !== undefined) response.setHeader('x-consul-index', String(index));
      response.end(JSON.stringify(body));
    },
  };
}
